/* The border between superopt-mutate and the code under test.
 *
 * void mutate_enter(const uint64_t *in, uint64_t *out, const void *code)
 *
 * Nothing that the guest leaves in a register is trusted: everything is found by %rip.  Word 4 of
 * `in` makes the flags: its low byte all but overflow, the next byte overflow.
 */
        .text
        .globl  mutate_enter, mutate_recover

        .type   mutate_enter, @function
mutate_enter:
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, mutate_host_rsp(%rip)
        movq    %rsi, host_out(%rip)
        movq    %rdx, host_code(%rip)
        movq    mutate_guest_rsp(%rip), %rsp
        movzbl  33(%rdi), %eax
        movb    32(%rdi), %ah
        addb    $0x40, %al
        sahf
        movq    0(%rdi), %rax
        movq    8(%rdi), %rcx
        movq    16(%rdi), %rdx
        movq    48(%rdi), %rsi
        movq    64(%rdi), %r8
        movq    72(%rdi), %r9
        movq    80(%rdi), %r10
        movq    88(%rdi), %r11
        movq    56(%rdi), %rdi
        call    *host_code(%rip)
        movq    %rdi, host_code(%rip)
        movq    host_out(%rip), %rdi
        movq    %rax, 0(%rdi)
        movq    %rcx, 8(%rdi)
        movq    %rdx, 16(%rdi)
        movq    %rsi, 48(%rdi)
        movq    %r8, 64(%rdi)
        movq    %r9, 72(%rdi)
        movq    %r10, 80(%rdi)
        movq    %r11, 88(%rdi)
        movq    host_code(%rip), %rax
        movq    %rax, 56(%rdi)
/* The signal handler sends us here. */
        .type   mutate_recover, @function
mutate_recover:
        cld
        movq    mutate_host_rsp(%rip), %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        ret
        .size   mutate_recover, .-mutate_recover
        .size   mutate_enter, .-mutate_enter

        .local  host_out, host_code
        .comm   host_out,8,8
        .comm   host_code,8,8

        .section .note.GNU-stack,"",@progbits
