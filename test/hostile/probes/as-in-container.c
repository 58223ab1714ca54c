/**
 * usage: as-in-container listener|plain PROGRAM [WORD]...
 *
 * Runs a program with less of seccomp. `listener`: below a listener, as in some containers, so that it can make none of its own (EBUSY).
 * `plain`: with filters that have no flags, and without Landlock, as in gVisor (EINVAL, ENOSYS).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
/** landlock_create_ruleset, which older headers lack. */
#define LANDLOCK 444

static int install(struct sock_filter *filter, unsigned short length, unsigned flags) {
  struct sock_fprog program = {length, filter};
  return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

int main(int count, char **words) {
  if (count < 3 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return 2;
  if (strcmp(words[1], "listener") == 0) {
    struct sock_filter all[] = {RETURN(SECCOMP_RET_ALLOW)};
    int listener = install(all, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    // With EBUSY there is one already.
    if (listener >= 0) fcntl(listener, F_SETFD, 0);
    else if (errno != EBUSY) return 3;
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
