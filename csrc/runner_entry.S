/* The border between the runner and the code under test.
 *
 * runner_enter loads every register from `guest_in` and the vector state from `guest_xstate`,
 * and jumps; the code under test comes back through runner_leave (its return address),
 * runner_gate (a stub, with the stub's number pushed) or, after a signal, runner_recover.
 * Nothing the guest leaves in a register is trusted: everything is found by %rip.
 *
 * What the guest leaves in the x87 unit stays there, for the runner does not use it.  Of the
 * vector state as much is saved as somebody looks at: `saved_mask`, or x87 and SSE where it is 0.
 */
        .text
        .globl  runner_enter, runner_leave, runner_gate, runner_recover, runner_wrap_return

/* void runner_enter(void) */
        .type   runner_enter, @function
runner_enter:
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        subq    $8, %rsp
        movq    %rsp, host_rsp(%rip)
.Lload_guest:
        movl    xstate_mask(%rip), %eax
        xorl    %edx, %edx
        leaq    guest_xstate(%rip), %rcx
        xrstor  (%rcx)
        leaq    guest_in+128(%rip), %rsp
        popfq
        movq    guest_in+0(%rip), %rax
        movq    guest_in+8(%rip), %rcx
        movq    guest_in+16(%rip), %rdx
        movq    guest_in+24(%rip), %rbx
        movq    guest_in+32(%rip), %rsp
        movq    guest_in+40(%rip), %rbp
        movq    guest_in+48(%rip), %rsi
        movq    guest_in+56(%rip), %rdi
        movq    guest_in+64(%rip), %r8
        movq    guest_in+72(%rip), %r9
        movq    guest_in+80(%rip), %r10
        movq    guest_in+88(%rip), %r11
        movq    guest_in+96(%rip), %r12
        movq    guest_in+104(%rip), %r13
        movq    guest_in+112(%rip), %r14
        movq    guest_in+120(%rip), %r15
        jmp     *guest_in+136(%rip)
        .size   runner_enter, .-runner_enter

.macro  save_guest
        movq    %rax, guest_out+0(%rip)
        movq    %rcx, guest_out+8(%rip)
        movq    %rdx, guest_out+16(%rip)
        movq    %rbx, guest_out+24(%rip)
        movq    %rsp, guest_out+32(%rip)
        movq    %rbp, guest_out+40(%rip)
        movq    %rsi, guest_out+48(%rip)
        movq    %rdi, guest_out+56(%rip)
        movq    %r8, guest_out+64(%rip)
        movq    %r9, guest_out+72(%rip)
        movq    %r10, guest_out+80(%rip)
        movq    %r11, guest_out+88(%rip)
        movq    %r12, guest_out+96(%rip)
        movq    %r13, guest_out+104(%rip)
        movq    %r14, guest_out+112(%rip)
        movq    %r15, guest_out+120(%rip)
        leaq    guest_out+136(%rip), %rsp
        pushfq
        leaq    clean_flags(%rip), %rsp
        popfq
        leaq    guest_xstate_out(%rip), %rcx
        movl    saved_mask(%rip), %eax
        testl   %eax, %eax
        jz      1f
        xorl    %edx, %edx
        xsave   (%rcx)
        jmp     2f
1:      fxsave  (%rcx)
2:      movq    host_rsp(%rip), %rsp
        ldmxcsr host_mxcsr(%rip)
.endm

/* The function under test returned. */
        .type   runner_leave, @function
runner_leave:
        save_guest
.Lback:
        addq    $8, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        ret
        .size   runner_leave, .-runner_leave

/* A stub was called: its number lies on the guest's stack above the return address. */
        .type   runner_gate, @function
runner_gate:
        save_guest
        call    on_gate
        testl   %eax, %eax
        jz      .Lback
        jmp     .Lload_guest
        .size   runner_gate, .-runner_gate

/* A wrapped local callee returned. */
        .type   runner_wrap_return, @function
runner_wrap_return:
        save_guest
        call    on_wrap_return
        testl   %eax, %eax
        jz      .Lback
        jmp     .Lload_guest
        .size   runner_wrap_return, .-runner_wrap_return

/* The signal handler sent us here. */
        .type   runner_recover, @function
runner_recover:
        leaq    clean_flags(%rip), %rsp
        popfq
        movq    host_rsp(%rip), %rsp
        ldmxcsr host_mxcsr(%rip)
        jmp     .Lback
        .size   runner_recover, .-runner_recover

        .section .rodata
        .balign 8
clean_flags:
        .quad   2

        .section .note.GNU-stack,"",@progbits
