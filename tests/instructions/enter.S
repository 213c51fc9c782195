# machine_enter(code): save the caller's registers, load the whole of machine_in, jump to code.
# machine_post: where every stub ends; save the whole state to machine_out, return to the caller.
# Offsets into struct state of machine.c: gpr 0, flags 128, mxcsr 136, k 144, fx 256, vec 768.
        .data
target: .quad 0
home:   .quad 0
word:   .quad 0
        .bss
        .balign 64
        .skip 4096
own_stack:
        .skip 64
        .text
        .macro gprs op
        \op 0, rax
        \op 8, rcx
        \op 16, rdx
        \op 24, rbx
        \op 40, rbp
        \op 48, rsi
        \op 56, rdi
        \op 64, r8
        \op 72, r9
        \op 80, r10
        \op 88, r11
        \op 96, r12
        \op 104, r13
        \op 112, r14
        \op 120, r15
        .endm
        .macro load at, name
        mov machine_in+\at(%rip), %\name
        .endm
        .macro save at, name
        mov %\name, machine_out+\at(%rip)
        .endm

        .globl machine_enter
machine_enter:
        push %rbx
        push %rbp
        push %r12
        push %r13
        push %r14
        push %r15
        mov %rsp, home(%rip)
        mov %rdi, target(%rip)
        fxrstor64 machine_in+256(%rip)
        lea machine_in+768(%rip), %rax
        .altmacro
        .macro vector op, n
#if VECTOR_BYTES == 64
        .ifc \op,load
        vmovdqu64 64*\n(%rax), %zmm\n
        .else
        vmovdqu64 %zmm\n, 64*\n(%rax)
        .endif
#elif VECTOR_BYTES == 32
        .ifc \op,load
        vmovdqu 64*\n(%rax), %ymm\n
        .else
        vmovdqu %ymm\n, 64*\n(%rax)
        .endif
#else
        .ifc \op,load
        movdqu 64*\n(%rax), %xmm\n
        .else
        movdqu %xmm\n, 64*\n(%rax)
        .endif
#endif
        .endm
        .macro vectors op
        .set n, 0
        .rept VECTOR_COUNT
        vector \op, %n
        .set n, n+1
        .endr
        .endm
        vectors load
#if VECTOR_BYTES == 64
        .irp n, 0,1,2,3,4,5,6,7
        kmovq machine_in+144+8*\n(%rip), %k\n
        .endr
#endif
        ldmxcsr machine_in+136(%rip)
        push machine_in+128(%rip)
        popfq
        gprs load
        mov machine_in+32(%rip), %rsp
        jmp *target(%rip)

        .globl machine_post
machine_post:
        gprs save
        mov %rsp, machine_out+32(%rip)
        lea own_stack(%rip), %rsp
        pushfq
        pop machine_out+128(%rip)
        cld
        stmxcsr machine_out+136(%rip)
        fxsave64 machine_out+256(%rip)
        fninit
        lea machine_out+768(%rip), %rax
        vectors save
#if VECTOR_BYTES == 64
        .irp n, 0,1,2,3,4,5,6,7
        kmovq %k\n, machine_out+144+8*\n(%rip)
        .endr
#endif
#if VECTOR_BYTES > 16
        vzeroupper
#endif
        movl $0x1F80, word(%rip)
        ldmxcsr word(%rip)
        mov home(%rip), %rsp
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        ret
        .section .note.GNU-stack,"",@progbits
