/**
 * usage: as-in-container listener|plain|old PROGRAM [WORD]...
 *
 * Runs a program with less of seccomp. `listener`: below a listener, as in some containers, so that it can make none of its own (EBUSY).
 * `plain`: with filters that have no flags, and without Landlock, as in gVisor (EINVAL, ENOSYS).
 * `old`: with listeners that cannot let a call go on, and without Landlock and close_range, as in Linux 5.0 to 5.4 (EINVAL, ENOSYS).
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
/** close_range and landlock_create_ruleset, which older headers lack. */
#define CLOSE_RANGE 436
#define LANDLOCK 444

static int install(struct sock_filter *filter, unsigned short length, unsigned flags) {
  struct sock_fprog program = {length, filter};
  return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

/** Starts a process that holds the listener until this one ends, as the runtime of a container does. */
static void hold(int listener) {
  if (fork() != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It must not keep the pipes of the program open.
  for (int i = 0; i < listener; i++) close(i);
  for (;;) pause();
}

int main(int count, char **words) {
  if (count < 3 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return 2;
  if (strcmp(words[1], "listener") == 0) {
    struct sock_filter all[] = {RETURN(SECCOMP_RET_ALLOW)};
    int listener = install(all, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    // With EBUSY there is one already.
    if (listener < 0 && errno != EBUSY) return 3;
    if (listener >= 0) hold(listener);
  } else if (strcmp(words[1], "old") == 0) {
    struct sock_filter old[] = {
        LOAD(offsetof(struct seccomp_data, nr)),
        EQUAL(LANDLOCK, 1, 0),
        EQUAL(CLOSE_RANGE, 0, 1),
        RETURN(SECCOMP_RET_ERRNO | ENOSYS),
        EQUAL(__NR_ioctl, 0, 3),
        LOAD(offsetof(struct seccomp_data, args[1])),
        EQUAL(SECCOMP_IOCTL_NOTIF_SEND, 0, 1),
        RETURN(SECCOMP_RET_ERRNO | EINVAL),
        RETURN(SECCOMP_RET_ALLOW),
    };
    if (install(old, sizeof old / sizeof *old, 0) < 0) return 3;
  } else {
    struct sock_filter plain[] = {
        LOAD(offsetof(struct seccomp_data, nr)),
        EQUAL(LANDLOCK, 0, 1),
        RETURN(SECCOMP_RET_ERRNO | ENOSYS),
        EQUAL(__NR_seccomp, 0, 3),
        LOAD(offsetof(struct seccomp_data, args[1])),
        EQUAL(0, 1, 0),
        RETURN(SECCOMP_RET_ERRNO | EINVAL),
        RETURN(SECCOMP_RET_ALLOW),
    };
    if (install(plain, sizeof plain / sizeof *plain, 0) < 0) return 3;
  }
  execv(words[2], words + 2);
  perror(words[2]);
  return 1;
}
