/** Descriptors that are closed, or go through a socket (unix(7), SCM_RIGHTS). */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "launcher.h"

#ifndef __NR_close_range
#define __NR_close_range 436
#endif

/** Closes the descriptors that /proc lists. Returns -1 if there is no /proc. */
static int close_listed(int first) {
  DIR *list = opendir("/proc/self/fd");
  if (!list) return -1;
  for (struct dirent *entry; (entry = readdir(list));) {
    int descriptor = atoi(entry->d_name);
    if (descriptor >= first && descriptor != dirfd(list)) close(descriptor);
  }
  return closedir(list);
}

int close_from(int first) {
  if (syscall(__NR_close_range, first, ~0u, 0) == 0) return 0;
  if (errno != ENOSYS) return -1;
  // Linux before 5.9. A container may allow a billion descriptors, so trying each could take minutes.
  if (close_listed(first) == 0) return 0;
  // Inside bubblewrap there is no /proc.
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) < 0) return -1;
  for (int descriptor = first; (rlim_t)descriptor < files.rlim_max; descriptor++) close(descriptor);
  return 0;
}

union control {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

int send_descriptor(int socket, int descriptor) {
  union control control = {0};
  struct iovec nothing = {"", 1};
  struct msghdr message = {.msg_iov = &nothing, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
  memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

ssize_t receive_descriptor(int socket, void *bytes, size_t size, int *descriptor) {
  union control control = {0};
  struct iovec data = {bytes, size};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes};
  ssize_t length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  struct cmsghdr *header = length > 0 ? CMSG_FIRSTHDR(&message) : NULL;
  *descriptor = -1;
  if (header && header->cmsg_type == SCM_RIGHTS) memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
  return length;
}
