/** The system calls that an evaluator may make: an allow list, and a filter that is made of it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher.h"

#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE 1
#endif

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "The launcher knows the system calls of x86_64 and aarch64 only."
#endif

/**
 * One way in which a call is allowed: if in each of up to three words the bits `mask` equal `value`. Words are the halves of arguments: 2 n is
 * the lower half of argument n, 2 n + 1 the upper half. A call may have several rows, which follow each other. `error`: the call always fails
 * with it.
 */
struct row {
  int call, error;
  struct { uint32_t word, mask, value; } checks[3];
};

#define ANY 0xffffffff
/** Flags that open for writing, create, truncate, or ask for signals. 020000000: __O_TMPFILE. */
#define CHANGING (O_ACCMODE | O_CREAT | O_TRUNC | O_ASYNC | 020000000)
/** Flags with which glibc and musl start threads. musl adds one that does nothing. */
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#define DETACHED 0x00400000

#define LOW(argument) (2 * (argument))
#define HIGH(argument) (2 * (argument) + 1)
#define ALWAYS(name) {.call = __NR_##name}
#define FAILS(name, code) {.call = __NR_##name, .error = code}
#define IF(name, ...) {.call = __NR_##name, .checks = {__VA_ARGS__}}

/** Values that are filled in when the filter is made: the id of the calling process, and the halves of the pointer to its program's path. */
#define OWN_ID 0xfffffffe
#define PROGRAM_LOW 0xfffffffd
#define PROGRAM_HIGH 0xfffffffc

static const struct row allowed[] = {
    // Memory.
    ALWAYS(brk), ALWAYS(madvise), ALWAYS(membarrier), ALWAYS(mprotect), ALWAYS(mremap), ALWAYS(munmap),
    // Shared memory stays when it is no longer mapped, and then counts for no limit.
    IF(mmap, {LOW(3), MAP_TYPE, MAP_PRIVATE}),
    // Files that are open, and reading others. Landlock says which.
    ALWAYS(close), ALWAYS(dup), ALWAYS(dup3), ALWAYS(faccessat), ALWAYS(fstat), ALWAYS(getcwd), ALWAYS(getdents64), ALWAYS(lseek),
    ALWAYS(newfstatat), ALWAYS(pread64), ALWAYS(preadv), ALWAYS(read), ALWAYS(readlinkat), ALWAYS(readv), ALWAYS(statx), ALWAYS(write),
    ALWAYS(writev),
    IF(openat, {LOW(2), CHANGING, O_RDONLY}),
    IF(fcntl, {LOW(1), ANY, F_DUPFD}), IF(fcntl, {LOW(1), ANY, F_DUPFD_CLOEXEC}), IF(fcntl, {LOW(1), ANY, F_GETFD}),
    IF(fcntl, {LOW(1), ANY, F_SETFD}), IF(fcntl, {LOW(1), ANY, F_GETFL}), IF(fcntl, {LOW(1), ANY, F_SETFL}, {LOW(2), O_ASYNC, 0}),
    IF(ioctl, {LOW(1), ANY, FIOCLEX}), IF(ioctl, {LOW(1), ANY, FIONCLEX}), IF(ioctl, {LOW(1), ANY, FIONBIO}),
    IF(ioctl, {LOW(1), ANY, FIONREAD}), IF(ioctl, {LOW(1), ANY, TCGETS}), IF(ioctl, {LOW(1), ANY, TIOCGWINSZ}),
    // Node makes the directory of its compile cache, which exists.
    FAILS(mkdirat, EEXIST),
    // Waiting.
    ALWAYS(clock_nanosleep), ALWAYS(epoll_create1), ALWAYS(epoll_ctl), ALWAYS(epoll_pwait), ALWAYS(eventfd2), ALWAYS(nanosleep),
    ALWAYS(ppoll), ALWAYS(pselect6), ALWAYS(restart_syscall), IF(pipe2, {LOW(1), ~(O_CLOEXEC | O_NONBLOCK), 0}),
    // Threads of this process.
    IF(clone, {LOW(0), ~DETACHED, THREAD}), ALWAYS(exit), ALWAYS(exit_group), ALWAYS(futex), ALWAYS(get_robust_list), ALWAYS(rseq),
    ALWAYS(set_robust_list), ALWAYS(set_tid_address), ALWAYS(sched_yield), ALWAYS(sched_get_priority_max),
    ALWAYS(sched_get_priority_min), ALWAYS(sched_getaffinity), ALWAYS(sched_getparam), ALWAYS(sched_getscheduler),
    IF(sched_setaffinity, {LOW(0), ANY, 0}),
    // Signals of this process.
    ALWAYS(rt_sigaction), ALWAYS(rt_sigpending), ALWAYS(rt_sigprocmask), ALWAYS(rt_sigreturn), ALWAYS(sigaltstack),
    IF(tgkill, {LOW(0), ANY, OWN_ID}),
    // What it is, and where it runs.
    ALWAYS(capget), ALWAYS(clock_getres), ALWAYS(clock_gettime), ALWAYS(getcpu), ALWAYS(getegid), ALWAYS(geteuid), ALWAYS(getgid),
    ALWAYS(getgroups), ALWAYS(getpid), ALWAYS(getppid), ALWAYS(getrandom), ALWAYS(getrusage), ALWAYS(gettid), ALWAYS(gettimeofday),
    ALWAYS(getuid), ALWAYS(sysinfo), ALWAYS(uname),
    IF(prctl, {LOW(0), ANY, PR_SET_NAME}), IF(prctl, {LOW(0), ANY, PR_GET_NAME}),
    // PR_SET_VMA: names of mappings.
    IF(prctl, {LOW(0), ANY, 0x53564d41}),
    // Its own limits: reading them, and Node raises its number of files up to the hard limit.
    IF(prlimit64, {LOW(0), ANY, 0}, {LOW(2), ANY, 0}, {HIGH(2), ANY, 0}),
    IF(prlimit64, {LOW(0), ANY, 0}, {LOW(1), ANY, RLIMIT_NOFILE}),
    // With the launcher's own pointer, and once where there is a listener: see listen_for_exec.
    IF(execve, {LOW(0), ANY, PROGRAM_LOW}, {HIGH(0), ANY, PROGRAM_HIGH}),
#ifdef __NR_faccessat2
    ALWAYS(faccessat2),
#endif
#ifdef __x86_64__
    // Older forms, which aarch64 does not have.
    ALWAYS(access), ALWAYS(dup2), ALWAYS(epoll_wait), ALWAYS(getrlimit), ALWAYS(lstat), ALWAYS(pipe), ALWAYS(poll), ALWAYS(readlink),
    ALWAYS(select), ALWAYS(stat), ALWAYS(time), FAILS(mkdir, EEXIST),
    IF(open, {LOW(1), CHANGING, O_RDONLY}),
    // ARCH_SET_FS for threads; ARCH_GET_XCOMP_PERM and ARCH_REQ_XCOMP_PERM for the matrix units (AMX) that onnxruntime uses.
    IF(arch_prctl, {LOW(0), ANY, 0x1002}), IF(arch_prctl, {LOW(0), ANY, 0x1022}), IF(arch_prctl, {LOW(0), ANY, 0x1023}),
#endif
};
#define ROWS (sizeof allowed / sizeof *allowed)

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define FAIL(code) RETURN(SECCOMP_RET_ERRNO | (code))

/**
 * Installs a filter for the calling process. It needs no mitigations of speculation, since the process holds no secrets but its own. gVisor does
 * not know that flag.
 */
static int install(struct sock_filter *filter, unsigned short length, unsigned flags) {
  struct sock_fprog program = {length, filter};
  int result = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
  return result < 0 && errno == EINVAL ? syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) : result;
}

/** Lets a call go on. Sets errno where it cannot. */
static void continue_call(int listener, uint64_t call) {
  struct seccomp_notif_resp answer = {.id = call, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

void continue_exec(int listener) {
  struct seccomp_notif call = {0};
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == 0) continue_call(listener, call.id);
}

int can_listen(void) {
  pid_t child = fork();
  if (child == 0) {
    // A filter stays, so this process tries it, and ends. The kernel looks at the flags of an answer before it misses the call (ENOENT).
    int listener = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -1 : listen_for_exec();
    if (listener >= 0) continue_call(listener, 0);
    _exit(errno);
  }
  int status;
  if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status)) return 1;
  return WEXITSTATUS(status) != EBUSY && WEXITSTATUS(status) != EINVAL;
}

int listen_for_exec(void) {
  struct sock_filter filter[] = {
      LOAD(offsetof(struct seccomp_data, nr)),
      EQUAL(__NR_execve, 0, 1),
      RETURN(SECCOMP_RET_USER_NOTIF),
      RETURN(SECCOMP_RET_ALLOW),
  };
  return install(filter, sizeof filter / sizeof *filter, SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

/** Returns the value to compare with. */
static uint32_t filled_in(uint32_t value, const char *program) {
  if (value == OWN_ID) return getpid();
  if (value == PROGRAM_LOW) return (uint64_t)program;
  return value == PROGRAM_HIGH ? (uint64_t)program >> 32 : value;
}

/** Appends the test of one row, which allows the call or goes on behind it. Returns the new end. */
static struct sock_filter *append_row(struct sock_filter *end, const struct row *row, const char *program) {
  struct sock_filter *behind = end + 1;
  for (int i = 0; i < 3 && row->checks[i].mask; i++) behind += 3;
  for (int i = 0; i < 3 && row->checks[i].mask; i++) {
    *end++ = (struct sock_filter)LOAD(offsetof(struct seccomp_data, args) + 4 * row->checks[i].word);
    *end++ = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, row->checks[i].mask);
    *end = (struct sock_filter)EQUAL(filled_in(row->checks[i].value, program), 0, behind - end - 1);
    end++;
  }
  *end++ = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
  return end;
}

int allow_known_calls(const char *program) {
  // A row takes at most 10 instructions, and the frame of a call 2.
  struct sock_filter filter[12 * ROWS + 5], *end = filter;
  *end++ = (struct sock_filter)LOAD(offsetof(struct seccomp_data, arch));
  *end++ = (struct sock_filter)EQUAL(ARCHITECTURE, 1, 0);
  *end++ = (struct sock_filter)FAIL(ENOSYS);
  *end++ = (struct sock_filter)LOAD(offsetof(struct seccomp_data, nr));
  for (const struct row *row = allowed; row < allowed + ROWS;) {
    struct sock_filter *test = end++;
    const struct row *first = row;
    if (first->error) *end++ = (struct sock_filter)FAIL(first->error), row++;
    else {
      while (row < allowed + ROWS && row->call == first->call) end = append_row(end, row++, program);
      if (first->checks[0].mask) *end++ = (struct sock_filter)FAIL(EPERM);
    }
    *test = (struct sock_filter)EQUAL(first->call, 0, end - test - 1);
  }
  // Calls of the x32 ABI have numbers of their own, so they end here too.
  *end++ = (struct sock_filter)FAIL(ENOSYS);
  return install(filter, end - filter, 0);
}
