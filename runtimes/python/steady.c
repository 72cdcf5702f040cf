// Gives a process the same answers in each run, so that componentize-py makes the same component of the same files: what CPython's
// memory holds when it is stored depends on random numbers (the hash seed, and with it the places of all objects), clocks, and the
// times, numbers and order of files.
//
// componentize-py asks the kernel for most of these without the C library, so a filter of system calls stops them, and a signal
// handler answers. The library is loaded with LD_PRELOAD, because the clocks are read without a system call.

#define _GNU_SOURCE
#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the registers and numbers of system calls are those of x86-64"
#endif

// 2000-01-01T00:00:00Z, as the component's clock has it.
static const time_t NOW = 946684800;
// In the sixth argument, which none of these system calls has: the handler's own call, which the filter lets pass.
#define OURS 0x5eed5eed
// Bytes of directory entries that one call can have sorted. The C library asks for 32 KiB.
#define MOST_ENTRIES 65536

static long call(long number, const greg_t *registers) {
    register long fourth __asm__("r10") = registers[REG_R10];
    register long fifth __asm__("r8") = registers[REG_R8];
    register long sixth __asm__("r9") = OURS;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(registers[REG_RDI]), "S"(registers[REG_RSI]), "d"(registers[REG_RDX]), "r"(fourth),
                       "r"(fifth), "r"(sixth)
                     : "rcx", "r11", "memory");
    return result;
}

static void steady_stat(struct stat *file) {
    struct timespec now = {.tv_sec = NOW};
    file->st_atim = file->st_mtim = file->st_ctim = now;
    file->st_ino = file->st_dev = 1;
}

static void steady_statx(struct statx *file) {
    struct statx_timestamp now = {.tv_sec = NOW};
    file->stx_atime = file->stx_btime = file->stx_ctime = file->stx_mtime = now;
    file->stx_ino = 1;
    file->stx_dev_major = file->stx_dev_minor = 1;
}

// Entries come in the order of their names. Only what one call has read is sorted.
static void steady_entries(char *entries, long size) {
    static atomic_flag busy = ATOMIC_FLAG_INIT;
    static char sorted[MOST_ENTRIES];
    if (size > MOST_ENTRIES) {
        return;
    }
    while (atomic_flag_test_and_set(&busy)) {
    }
    const char *last = "";
    long filled = 0;
    while (filled < size) {
        struct dirent64 *next = NULL;
        for (long at = 0; at < size; at += ((struct dirent64 *)(entries + at))->d_reclen) {
            struct dirent64 *entry = (struct dirent64 *)(entries + at);
            if (strcmp(entry->d_name, last) > 0 && (next == NULL || strcmp(entry->d_name, next->d_name) < 0)) {
                next = entry;
            }
        }
        if (next == NULL) {
            break;
        }
        struct dirent64 *copy = (struct dirent64 *)(sorted + filled);
        memcpy(copy, next, next->d_reclen);
        copy->d_ino = 1;
        last = copy->d_name;
        filled += next->d_reclen;
    }
    if (filled == size) {
        memcpy(entries, sorted, (size_t)size);
    }
    atomic_flag_clear(&busy);
}

static void answer(int signal, siginfo_t *info, void *context) {
    (void)signal;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    long number = info->si_syscall, result;
    if (number == SYS_getrandom) {
        memset((void *)registers[REG_RDI], 1, (size_t)registers[REG_RSI]);
        registers[REG_RAX] = registers[REG_RSI];
        return;
    }
    result = call(number, registers);
    if (number == SYS_getdents64 && result > 0) {
        steady_entries((char *)registers[REG_RSI], result);
    } else if (result == 0 && number == SYS_statx) {
        steady_statx((struct statx *)registers[REG_R8]);
    } else if (result == 0 && number == SYS_newfstatat) {
        steady_stat((struct stat *)registers[REG_RDX]);
    } else if (result == 0 && number == SYS_fstat) {
        steady_stat((struct stat *)registers[REG_RSI]);
    }
    registers[REG_RAX] = result;
}

ssize_t getrandom(void *bytes, size_t length, unsigned flags) {
    (void)flags;
    memset(bytes, 1, length);
    return (ssize_t)length;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC) {
        *now = (struct timespec){.tv_sec = NOW};
        return 0;
    }
    return (int)syscall(SYS_clock_gettime, clock, now, 0, 0, 0, 0);
}

// From now on, this thread and those that it starts get the same answers. It is called once all libraries are loaded: the
// loader tells files apart by their numbers.
__attribute__((visibility("default"))) int be_steady(void) {
    struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ, SYS_getrandom, 7, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ, SYS_getdents64, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ, SYS_statx, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ, SYS_newfstatat, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ, SYS_fstat, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
        BPF_JUMP(BPF_JMP | BPF_JEQ, OURS, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
    if (sigaction(SIGSYS, &action, NULL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return -1;
    }
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
