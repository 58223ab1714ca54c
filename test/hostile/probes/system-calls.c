/**
 * Runs in the place of Node, and tries the system calls that the sandbox forbids. Its argument is POINTER:FILE: the launcher's own pointer to
 * the path of this program, and a file of its job. It writes the names of calls that succeed to descriptor 3, then "done".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/** Numbers of calls that older headers lack are the same on all processors. */
#define PIDFD_SEND_SIGNAL 424
#define IO_URING_SETUP 425
#define OPEN_TREE 428
#define MOVE_MOUNT 429
#define FSOPEN 430
#define PIDFD_OPEN 434
#define CLONE3 435
#define OPENAT2 437
#define PIDFD_GETFD 438
#define PROCESS_MADVISE 440
#define MOUNT_SETATTR 442
#define MEMFD_SECRET 447
#define PROCESS_MRELEASE 448
#define FCHMODAT2 452
#define SETXATTRAT 463

static void say(const char *name) {
  dprintf(3, "%s\n", name);
}

#define TRY(name, call) \
  do { \
    errno = 0; \
    if ((long)(call) >= 0) say(name); \
  } while (0)
/** A call that returns in a new process as well, which ends at once. */
#define TRY_FORK(name, call) \
  do { \
    long process = (long)(call); \
    if (process == 0) _exit(0); \
    if (process > 0) say(name); \
  } while (0)

static void change_files(const char *own) {
  int file = open(own, O_RDONLY);
  if (file < 0) say("(cannot read its own file)");
  struct { uint64_t flags, mode, resolve; } how = {O_RDONLY, 0, 0};
  struct { uint64_t value; uint32_t size, flags; } attribute = {(uintptr_t)"x", 1, 0};
  struct timespec times[2] = {{1, 0}, {1, 0}};
  TRY("open for writing", syscall(SYS_openat, AT_FDCWD, own, O_WRONLY));
  TRY("open for reading and writing", syscall(SYS_openat, AT_FDCWD, own, O_RDWR));
  TRY("open with the fourth access mode", syscall(SYS_openat, AT_FDCWD, own, O_ACCMODE));
  TRY("open and truncate", syscall(SYS_openat, AT_FDCWD, own, O_RDONLY | O_TRUNC));
  TRY("open and create", syscall(SYS_openat, AT_FDCWD, "new", O_RDONLY | O_CREAT, 0600));
  TRY("open a temporary file", syscall(SYS_openat, AT_FDCWD, ".", O_TMPFILE | O_WRONLY, 0600));
  TRY("openat2", syscall(OPENAT2, AT_FDCWD, own, &how, sizeof how));
  TRY("truncate", truncate(own, 0));
  TRY("ftruncate", ftruncate(file, 0));
  TRY("fallocate", fallocate(file, 0, 0, 1));
  TRY("write", write(file, "x", 1));
  TRY("fchmod", fchmod(file, 0600));
  TRY("fchmodat", syscall(SYS_fchmodat, AT_FDCWD, own, 0600));
  TRY("fchmodat2", syscall(FCHMODAT2, AT_FDCWD, own, 0600, 0));
  TRY("fchown", fchown(file, getuid(), getgid()));
  TRY("fchownat", fchownat(AT_FDCWD, own, getuid(), getgid(), 0));
  TRY("utimensat", utimensat(AT_FDCWD, own, times, 0));
  TRY("utimensat of a descriptor", syscall(SYS_utimensat, file, NULL, times, 0));
  TRY("setxattr", syscall(SYS_setxattr, own, "user.x", "x", 1, 0));
  TRY("lsetxattr", syscall(SYS_lsetxattr, own, "user.x", "x", 1, 0));
  TRY("fsetxattr", syscall(SYS_fsetxattr, file, "user.x", "x", 1, 0));
  TRY("setxattrat", syscall(SETXATTRAT, AT_FDCWD, own, 0, "user.x", &attribute, sizeof attribute));
  TRY("fremovexattr", syscall(SYS_fremovexattr, file, "user.x"));
  TRY("linkat", linkat(AT_FDCWD, own, AT_FDCWD, "new", 0));
  TRY("linkat of a descriptor", linkat(file, "", AT_FDCWD, "new", AT_EMPTY_PATH));
  TRY("symlinkat", symlinkat(own, AT_FDCWD, "new"));
  TRY("renameat2", syscall(SYS_renameat2, AT_FDCWD, own, AT_FDCWD, "new", 0));
  TRY("unlinkat", unlinkat(AT_FDCWD, own, 0));
  TRY("mkdirat", mkdirat(AT_FDCWD, "new", 0700));
  TRY("mknodat", mknodat(AT_FDCWD, "new", S_IFIFO | 0600, 0));
  TRY("flags of a file", ioctl(file, FS_IOC_SETFLAGS, &(int){FS_NOATIME_FL}));
  TRY("clone a file", ioctl(file, FICLONE, file));
  TRY("copy_file_range", syscall(SYS_copy_file_range, file, NULL, 3, NULL, 1, 0));
  TRY("sendfile", syscall(SYS_sendfile, 3, file, NULL, 1));
  TRY("splice", syscall(SYS_splice, file, &(off_t){0}, 3, NULL, 1, 0));
  TRY("name_to_handle_at", syscall(SYS_name_to_handle_at, AT_FDCWD, own, &(int[8]){0}, &(int){0}, 0));
  TRY("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, &(int[8]){0}, O_RDONLY));
  TRY("a lease", fcntl(file, F_SETLEASE, F_RDLCK));
  TRY("notes of changes", fcntl(file, F_NOTIFY, DN_MODIFY));
  TRY("a lock", fcntl(file, F_SETLK, &(struct flock){.l_type = F_RDLCK}));
  TRY("flock", syscall(SYS_flock, file, LOCK_SH));
  TRY("shared memory", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
  TRY("validated shared memory", mmap(NULL, 4096, PROT_READ, 3 /* MAP_SHARED_VALIDATE */, file, 0) == MAP_FAILED ? -1 : 0);
  TRY("write by a mapping", mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED ? -1 : 0);
  TRY("inotify_init1", syscall(SYS_inotify_init1, 0));
  TRY("fanotify_init", syscall(SYS_fanotify_init, 0, O_RDONLY));
  TRY("chroot", chroot("."));
  TRY("sync", syscall(SYS_syncfs, file));
#ifdef SYS_open
  TRY("old open for writing", syscall(SYS_open, own, O_RDWR));
  TRY("creat", syscall(SYS_creat, "new", 0600));
  TRY("chmod", syscall(SYS_chmod, own, 0600));
  TRY("chown", syscall(SYS_chown, own, getuid(), getgid()));
  TRY("utime", syscall(SYS_utime, own, NULL));
  TRY("utimes", syscall(SYS_utimes, own, NULL));
  TRY("futimesat", syscall(SYS_futimesat, AT_FDCWD, own, NULL));
  TRY("link", syscall(SYS_link, own, "new"));
  TRY("rename", syscall(SYS_rename, own, "new"));
  TRY("unlink", syscall(SYS_unlink, own));
  TRY("mkdir", syscall(SYS_mkdir, "new", 0700));
  TRY("mknod", syscall(SYS_mknod, "new", S_IFIFO | 0600, 0));
#endif
}

static void connect_out(void) {
  const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG};
  const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET};
  int pair[2];
  for (int i = 0; i < 7; i++)
    for (int j = 0; j < 4; j++) TRY("socket", syscall(SYS_socket, families[i], types[j], 0));
  TRY("socketpair", syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair));
  TRY("sendmsg", syscall(SYS_sendmsg, 3, &(struct msghdr){0}, 0));
  TRY("recvmsg", syscall(SYS_recvmsg, 0, &(struct msghdr){0}, MSG_DONTWAIT));
  TRY("io_uring_setup", syscall(IO_URING_SETUP, 1, &(int[30]){0}));
}

static void reach_processes(void) {
  pid_t parent = getppid(), self = getpid();
  struct rlimit limit;
  struct iovec memory = {&limit, 8};
  siginfo_t signal = {.si_code = SI_QUEUE};
  int file = open("/dev/null", O_RDONLY);
  TRY("kill its parent", kill(parent, 0));
  TRY("kill all", kill(-1, 0));
  TRY("kill its group", kill(0, 0));
  TRY("kill itself", kill(self, 0));
  TRY("tkill", syscall(SYS_tkill, parent, 0));
  TRY("tgkill of its parent", syscall(SYS_tgkill, parent, parent, 0));
  TRY("tgkill of all", syscall(SYS_tgkill, -1, parent, 0));
  TRY("rt_sigqueueinfo", syscall(SYS_rt_sigqueueinfo, parent, SIGCONT, &signal));
  TRY("rt_tgsigqueueinfo", syscall(SYS_rt_tgsigqueueinfo, parent, parent, SIGCONT, &signal));
  TRY("pidfd_open", syscall(PIDFD_OPEN, parent, 0));
  TRY("pidfd_getfd", syscall(PIDFD_GETFD, file, 0, 0));
  TRY("pidfd_send_signal", syscall(PIDFD_SEND_SIGNAL, file, 0, NULL, 0));
  TRY("own signals of a file", fcntl(0, F_SETOWN, parent));
  TRY("own signals of a file (extended)", fcntl(0, F_SETOWN_EX, &(int[2]){1, parent}));
  TRY("signal of a file", fcntl(0, F_SETSIG, SIGKILL));
  TRY("signals of a file", fcntl(0, F_SETFL, O_ASYNC));
  TRY("signals of a file by ioctl", ioctl(0, FIOASYNC, &(int){1}));
  TRY("own signals of a file by ioctl", ioctl(0, FIOSETOWN, &parent));
  TRY("type into a terminal", ioctl(0, TIOCSTI, "x"));
  TRY("ptrace its parent", syscall(SYS_ptrace, 16 /* PTRACE_ATTACH */, parent, 0, 0));
  TRY("be traced", syscall(SYS_ptrace, 0 /* PTRACE_TRACEME */, 0, 0, 0));
  TRY("process_vm_readv", syscall(SYS_process_vm_readv, parent, &memory, 1, &memory, 1, 0));
  TRY("process_vm_writev", syscall(SYS_process_vm_writev, parent, &memory, 1, &memory, 1, 0));
  TRY("process_madvise", syscall(PROCESS_MADVISE, file, &memory, 1, MADV_COLD, 0));
  TRY("process_mrelease", syscall(PROCESS_MRELEASE, file, 0));
  TRY("kcmp", syscall(SYS_kcmp, parent, self, 0, 0, 0));
  TRY("move_pages", syscall(SYS_move_pages, parent, 0, NULL, NULL, NULL, 0));
  TRY("read limits of its parent", syscall(SYS_prlimit64, parent, RLIMIT_CPU, NULL, &limit));
  TRY("setpriority of its parent", setpriority(PRIO_PROCESS, parent, 5));
  TRY("setpriority", setpriority(PRIO_PROCESS, 0, 5));
  TRY("ioprio_set", syscall(SYS_ioprio_set, 1, parent, 0));
  TRY("affinity of its parent", syscall(SYS_sched_setaffinity, parent, 8, &(uint64_t){1}));
  TRY("scheduler of its parent", syscall(SYS_sched_setscheduler, parent, SCHED_OTHER, &(int){0}));
  TRY("setpgid", setpgid(0, 0));
  TRY("setsid", setsid());
}

/** Returns the path at the address where the launcher has it. */
static char *forged(const char *program, uintptr_t address) {
  uintptr_t page = address & ~(uintptr_t)4095;
  if (mmap((void *)page, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) say("(cannot map)");
  return strcpy((char *)address, program);
}

static void start_processes(const char *program, uintptr_t address) {
  struct { uint64_t flags, others[10]; } arguments = {.flags = 0};
  arguments.others[3] = SIGCHLD;
  char *words[] = {(char *)program, "again", NULL}, *none[] = {NULL};
  int file = open(program, O_RDONLY);
#ifdef SYS_fork
  TRY_FORK("fork", syscall(SYS_fork));
#endif
  TRY_FORK("clone", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  TRY_FORK("clone with a thread's memory", syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0));
  TRY_FORK("clone3", syscall(CLONE3, &arguments, sizeof arguments));
  TRY("a thread in a namespace", syscall(SYS_clone, 0x3d0f00 | CLONE_NEWNET, 0, 0, 0, 0));
  TRY("unshare", unshare(CLONE_NEWUSER));
  TRY("unshare files", unshare(CLONE_FS));
  TRY("setns", setns(file, 0));
  TRY("execve", execve(program, words, none));
  TRY("execve of a shell", execve("/bin/sh", words, none));
  TRY("execveat", syscall(SYS_execveat, AT_FDCWD, program, words, none, 0));
  TRY("execveat of a descriptor", syscall(SYS_execveat, file, "", words, none, AT_EMPTY_PATH));
  // It does not return if it succeeds.
  TRY("execve with the launcher's pointer", execve(forged(program, address), words, none));
}

/** Limits, privileges, and rights that later calls would need. */
static void lift(void) {
  struct rlimit64 cpu, *low = mmap((void *)0x100000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  syscall(SYS_prlimit64, 0, RLIMIT_CPU, NULL, &cpu);
  cpu.rlim_cur = cpu.rlim_max;
  *low = cpu;
  TRY("raise the limit of processor time", syscall(SYS_prlimit64, 0, RLIMIT_CPU, &cpu, NULL));
  TRY("raise it by a pointer whose lower half is 0", syscall(SYS_prlimit64, 0, RLIMIT_CPU, low, NULL));
  TRY("raise it by its own id", syscall(SYS_prlimit64, getpid(), RLIMIT_CPU, &cpu, NULL));
  TRY("setrlimit", syscall(SYS_setrlimit, RLIMIT_CPU, &cpu));
  TRY("raise the limit of files", syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &(struct rlimit64){1 << 30, 1 << 30}, NULL));
  TRY("raise the size of files", syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, &(struct rlimit64){1, 1}, NULL));
  TRY("setuid", setuid(0));
  TRY("setresuid", syscall(SYS_setresuid, 0, 0, 0));
  TRY("setgid", setgid(0));
  TRY("setgroups", syscall(SYS_setgroups, 0, NULL));
  TRY("setfsuid", syscall(SYS_setfsuid, 0));
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct all[2] = {{~0u, ~0u, ~0u}, {~0u, ~0u, ~0u}}, now[2] = {{0}};
  TRY("capset", syscall(SYS_capset, &header, all));
  syscall(SYS_capget, &header, now);
  TRY("(it has capabilities)", now[0].permitted | now[0].effective | now[1].permitted ? 0 : -1);
  TRY("a death signal", prctl(PR_SET_PDEATHSIG, 0));
  TRY("dumpable", prctl(PR_SET_DUMPABLE, 0));
  TRY("a tracer", prctl(0x59616d61 /* PR_SET_PTRACER */, -1));
  TRY("keep capabilities", prctl(PR_SET_KEEPCAPS, 1));
  TRY("securebits", prctl(PR_SET_SECUREBITS, 0));
  TRY("a subreaper", prctl(PR_SET_CHILD_SUBREAPER, 1));
  TRY("a memory map", prctl(PR_SET_MM, 0));
  TRY("seccomp", syscall(SYS_seccomp, 2 /* SECCOMP_GET_ACTION_AVAIL */, 0, &(uint32_t){0}));
  TRY("personality", syscall(SYS_personality, 0xffffffff));
  TRY("mount", syscall(SYS_mount, "none", ".", "tmpfs", 0, NULL));
  TRY("umount2", syscall(SYS_umount2, "/", MNT_EXPIRE));
  TRY("pivot_root", syscall(SYS_pivot_root, ".", "."));
  TRY("open_tree", syscall(OPEN_TREE, AT_FDCWD, ".", 0));
  TRY("move_mount", syscall(MOVE_MOUNT, AT_FDCWD, ".", AT_FDCWD, ".", 0));
  TRY("fsopen", syscall(FSOPEN, "tmpfs", 0));
  TRY("mount_setattr", syscall(MOUNT_SETATTR, AT_FDCWD, ".", 0, &(uint64_t[4]){0}, 32));
}

/** What reaches more of the kernel than an evaluator needs. */
static void reach_kernel(void) {
  TRY("bpf", syscall(SYS_bpf, 0, &(int[20]){1, 4, 4, 1}, 80));
  TRY("perf_event_open", syscall(SYS_perf_event_open, &(int[32]){1, 128}, 0, -1, -1, 0));
  TRY("userfaultfd", syscall(SYS_userfaultfd, 1));
  TRY("memfd_create", syscall(SYS_memfd_create, "x", 0));
  TRY("memfd_secret", syscall(MEMFD_SECRET, 0));
  TRY("add_key", syscall(SYS_add_key, "user", "x", "x", 1, -3));
  TRY("request_key", syscall(SYS_request_key, "user", "x", NULL, 0));
  TRY("keyctl", syscall(SYS_keyctl, 0, -3, 1));
  TRY("shmget", syscall(SYS_shmget, 0, 4096, 01600));
  TRY("semget", syscall(SYS_semget, 0, 1, 01600));
  TRY("msgget", syscall(SYS_msgget, 0, 01600));
  TRY("mq_open", syscall(SYS_mq_open, "tureen-probe", O_CREAT | O_RDWR, 0600, NULL));
  TRY("timer_create", syscall(SYS_timer_create, 0, NULL, &(int){0}));
  TRY("timerfd_create", syscall(SYS_timerfd_create, 0, 0));
  TRY("signalfd", syscall(SYS_signalfd4, -1, &(uint64_t){0}, 8, 0));
  TRY("a queue of notes", syscall(SYS_pipe2, &(int[2]){0}, O_EXCL));
  TRY("io_setup", syscall(SYS_io_setup, 1, &(uint64_t){0}));
  TRY("syslog", syscall(SYS_syslog, 10, NULL, 0));
  TRY("acct", syscall(SYS_acct, "new"));
  TRY("swapoff", syscall(SYS_swapoff, "none"));
  TRY("sethostname", syscall(SYS_sethostname, "", 0));
  TRY("quotactl", syscall(SYS_quotactl, 0, NULL, 0, NULL));
  TRY("mlock", syscall(SYS_mlock, &(int){0}, 4));
  TRY("vhangup", syscall(SYS_vhangup));
#ifdef __x86_64__
  TRY("iopl", syscall(SYS_iopl, 0));
  TRY("ioperm", syscall(SYS_ioperm, 0, 1, 0));
  TRY("modify_ldt", syscall(SYS_modify_ldt, 0, &(char[16]){0}, 16));
  TRY("ustat of the x32 ABI", syscall(0x40000000 | SYS_getpid));
  TRY("socket of the x32 ABI", syscall(0x40000000 | SYS_socket, AF_INET, SOCK_STREAM, 0));
  long pid, ipc;
  // getpid and socket of i386.
  __asm__ volatile("int $0x80" : "=a"(pid) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
  TRY("a call of i386", pid);
  __asm__ volatile("int $0x80" : "=a"(ipc) : "a"(359), "b"(AF_INET), "c"(SOCK_STREAM), "d"(0) : "memory", "r8", "r9", "r10", "r11");
  TRY("a socket of i386", ipc);
#endif
}

int main(int count, char **words) {
  if (count > 1 && strcmp(words[1], "again") == 0) {
    say("(executed again)");
    return 0;
  }
  char *own = strchr(words[1], ':') + 1;
  change_files(own);
  connect_out();
  reach_processes();
  lift();
  reach_kernel();
  start_processes(words[0], strtoul(words[1], NULL, 16));
  say("done");
  return 0;
}
