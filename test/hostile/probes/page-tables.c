/** Reads 128 GiB of nothing, one place in every 2 MiB: that takes 256 MiB of page tables, and no resident memory. Waits to be ended. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define LENGTH (128ul << 30)
#define STEP (2ul << 20)

int main(void) {
  getchar();
  volatile char *bytes = mmap(NULL, LENGTH, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (bytes == MAP_FAILED) return 1;
  madvise((void *)bytes, LENGTH, MADV_NOHUGEPAGE);
  for (unsigned long at = 0; at < LENGTH; at += STEP) (void)bytes[at];
  for (;;) pause();
}
