build0/bpf/find.bpf.o: runtime/bpf/find.bpf.c runtime/bpf/match.h \
  /usr/include/linux/bpf.h /usr/include/linux/types.h \
  /usr/include/x86_64-linux-gnu/asm/types.h \
  /usr/include/asm-generic/types.h /usr/include/asm-generic/int-ll64.h \
  /usr/include/x86_64-linux-gnu/asm/bitsperlong.h \
  /usr/include/asm-generic/bitsperlong.h \
  /usr/include/linux/posix_types.h /usr/include/linux/stddef.h \
  /usr/include/x86_64-linux-gnu/asm/posix_types.h \
  /usr/include/x86_64-linux-gnu/asm/posix_types_64.h \
  /usr/include/asm-generic/posix_types.h /usr/include/linux/bpf_common.h \
  /usr/lib/llvm-14/lib/clang/14.0.6/include/stdbool.h \
  /usr/include/bpf/bpf_helpers.h /usr/include/bpf/bpf_helper_defs.h \
  /usr/include/bpf/bpf_core_read.h /usr/include/bpf/bpf_endian.h \
  runtime/bpf/kernel.h runtime/declared.h runtime/abi.h \
  /usr/lib/llvm-14/lib/clang/14.0.6/include/stdint.h \
  /usr/include/stdint.h

runtime/bpf/match.h:

/usr/include/linux/bpf.h:

/usr/include/linux/types.h:

/usr/include/x86_64-linux-gnu/asm/types.h:

/usr/include/asm-generic/types.h:

/usr/include/asm-generic/int-ll64.h:

/usr/include/x86_64-linux-gnu/asm/bitsperlong.h:

/usr/include/asm-generic/bitsperlong.h:

/usr/include/linux/posix_types.h:

/usr/include/linux/stddef.h:

/usr/include/x86_64-linux-gnu/asm/posix_types.h:

/usr/include/x86_64-linux-gnu/asm/posix_types_64.h:

/usr/include/asm-generic/posix_types.h:

/usr/include/linux/bpf_common.h:

/usr/lib/llvm-14/lib/clang/14.0.6/include/stdbool.h:

/usr/include/bpf/bpf_helpers.h:

/usr/include/bpf/bpf_helper_defs.h:

/usr/include/bpf/bpf_core_read.h:

/usr/include/bpf/bpf_endian.h:

runtime/bpf/kernel.h:

runtime/declared.h:

runtime/abi.h:

/usr/lib/llvm-14/lib/clang/14.0.6/include/stdint.h:

/usr/include/stdint.h:
