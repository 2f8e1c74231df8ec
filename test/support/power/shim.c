/*
 * A layer between a process and the C library, for tests only (LD_PRELOAD). It can
 *
 * - record, in one total order over all processes, every change of a file below BULKHEAD_SHIM_ROOT and every flush of one,
 *   into BULKHEAD_SHIM_RECORD, so that the state of the disk after a power cut at any instant can be built from it;
 * - make each flush slow, and move the clock of the day. Both are read from BULKHEAD_SHIM_CONTROL (16 bytes, mapped):
 *   int64 milliseconds to add to the time of day, int32 milliseconds that a flush takes longer, int32 unused.
 *
 * A change is recorded before it is made and again when it is done: a flush covers what was done before it began, and
 * nothing else. Records are appended by one write each, which the kernel keeps whole and in order.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, #name)

enum kind {
  WRITE = 1,
  SIZE = 2,
  DONE = 3,
  FLUSH = 4,
  CREATE = 5,
  MKDIR = 6,
  RENAME = 7,
  UNLINK = 8,
  RMDIR = 9,
  LINK = 10,
  SYMLINK = 12,
  SETTLED = 13,
};

/* Itself interposed below, for an engine that renames through it. */
static long (*raw)(long, ...);

/* Followed by path, second path and data. `flags` of WRITE: 1 = on disk when it returns (O_DSYNC, O_SYNC), told by SETTLED. */
struct record {
  uint32_t length;
  uint8_t kind;
  uint8_t flags;
  uint16_t path_length;
  uint16_t second_length;
  uint16_t unused;
  uint32_t pid;
  uint64_t id;
  uint64_t inode;
  int64_t offset;
};

struct control {
  volatile int64_t clock_ms;
  volatile int32_t flush_ms;
  volatile int32_t unused;
};

static int trace = -1;
static char root[PATH_MAX];
static size_t root_length;
static struct control *control;
static uint64_t last_id;
static int ready;

__attribute__((constructor)) static void start(void) {
  if (ready) return;
  ready = 1;
  *(void **)&raw = dlsym(RTLD_NEXT, "syscall");
  const char *file = getenv("BULKHEAD_SHIM_CONTROL");
  if (file != NULL) {
    int fd = raw(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
    if (fd >= 0) {
      void *mapped = mmap(NULL, sizeof(struct control), PROT_READ, MAP_SHARED, fd, 0);
      if (mapped != MAP_FAILED) control = mapped;
      raw(SYS_close, fd);
    }
  }
  const char *below = getenv("BULKHEAD_SHIM_ROOT");
  file = getenv("BULKHEAD_SHIM_RECORD");
  if (below == NULL || file == NULL) return;
  root_length = strlen(below);
  if (root_length >= sizeof root) abort();
  memcpy(root, below, root_length + 1);
  int fd = raw(SYS_openat, AT_FDCWD, file, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
  if (fd < 0) abort();
  /* Far from the numbers that the program counts on. */
  trace = raw(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900);
  raw(SYS_close, fd);
}

static uint64_t next_id(void) {
  return __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
}

static void tell(struct record head, const char *path, const char *second, const struct iovec *data, int count) {
  struct iovec parts[3 + 1024];
  int used = 1;
  head.pid = getpid();
  head.path_length = path == NULL ? 0 : strlen(path);
  head.second_length = second == NULL ? 0 : strlen(second);
  head.length = sizeof head + head.path_length + head.second_length;
  if (head.path_length > 0) parts[used++] = (struct iovec){(void *)path, head.path_length};
  if (head.second_length > 0) parts[used++] = (struct iovec){(void *)second, head.second_length};
  if (count > 1020) abort();
  for (int i = 0; i < count; i++) {
    parts[used++] = data[i];
    head.length += data[i].iov_len;
  }
  parts[0] = (struct iovec){&head, sizeof head};
  int saved = errno;
  if (raw(SYS_writev, trace, parts, used) != (long)head.length) abort();
  errno = saved;
}

static void tell_done(uint64_t id, int64_t result) {
  tell((struct record){.kind = DONE, .id = id, .offset = result}, NULL, NULL, NULL, 0);
}

/* The whole path when it lies below the root, else 0. */
static int below(int dir, const char *path, char *whole) {
  start();
  if (trace < 0 || path == NULL) return 0;
  if (path[0] == '/') {
    if (strlen(path) >= PATH_MAX) return 0;
    strcpy(whole, path);
  } else {
    char base[PATH_MAX];
    if (dir == AT_FDCWD) {
      if (getcwd(base, sizeof base) == NULL) return 0;
    } else {
      char link[64];
      snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
      ssize_t length = readlink(link, base, sizeof base - 1);
      if (length < 0) return 0;
      base[length] = 0;
    }
    if (snprintf(whole, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return 0;
  }
  return strncmp(whole, root, root_length) == 0;
}

/* What an open file is: its path below the root, inode, and whether it is a folder. */
static int opened(int fd, char *whole, struct stat *status) {
  start();
  if (trace < 0 || fd == trace || fd < 0) return 0;
  int saved = errno;
  int ok = 0;
  if (fstat(fd, status) == 0 && (S_ISREG(status->st_mode) || S_ISDIR(status->st_mode))) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, whole, PATH_MAX - 1);
    if (length > 0) {
      whole[length] = 0;
      /* The root itself, without the slash at its end, is one of them: its names are flushed through it. */
      ok = strncmp(whole, root, root_length) == 0 || (length == (ssize_t)root_length - 1 && strncmp(whole, root, length) == 0);
    }
  }
  errno = saved;
  return ok;
}

static void pause_ms(int ms) {
  if (ms <= 0) return;
  struct timespec left = {ms / 1000, (ms % 1000) * 1000000L};
  while (raw(SYS_nanosleep, &left, &left) != 0 && errno == EINTR) {}
}

/* ------------------------------------------------------------------------------------------------------- opening */

static int open_told(int dir, const char *path, int flags, mode_t mode) {
  char whole[PATH_MAX];
  start();
  if (!(flags & (O_CREAT | O_TRUNC)) || (flags & O_PATH) || !below(dir, path, whole))
    return raw(SYS_openat, dir, path, flags, mode);
  struct stat status;
  int existed = fstatat(dir, path, &status, 0) == 0;
  int fd = raw(SYS_openat, dir, path, flags, mode);
  if (fd < 0) return fd;
  int saved = errno;
  struct stat now;
  if (fstat(fd, &now) == 0 && S_ISREG(now.st_mode)) {
    uint64_t id = next_id();
    if (!existed) tell((struct record){.kind = CREATE, .id = id, .inode = now.st_ino}, whole, NULL, NULL, 0);
    else if ((flags & O_TRUNC) && status.st_size > 0) tell((struct record){.kind = SIZE, .id = id, .inode = now.st_ino}, whole, NULL, NULL, 0);
    else return fd;
    tell_done(id, 0);
  }
  errno = saved;
  return fd;
}

#define MODE_OF(flags) \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | __O_TMPFILE)) { \
    va_list rest; \
    va_start(rest, flags); \
    mode = va_arg(rest, int); \
    va_end(rest); \
  }

int open(const char *path, int flags, ...) { MODE_OF(flags) return open_told(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags) return open_told(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE_OF(flags) return open_told(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE_OF(flags) return open_told(dir, path, flags | O_LARGEFILE, mode); }
int creat(const char *path, mode_t mode) { return open_told(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open_told(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

/* ------------------------------------------------------------------------------------------------------- writing */

/* `offset` < 0: where the file stands. Returns 0 when nothing is to be told. */
static uint64_t before_write(int fd, const struct iovec *parts, int count, int64_t offset, int *slow) {
  char whole[PATH_MAX];
  struct stat status;
  if (!opened(fd, whole, &status) || !S_ISREG(status.st_mode)) return 0;
  int flags = raw(SYS_fcntl, fd, F_GETFL);
  if (offset < 0) offset = flags & O_APPEND ? status.st_size : lseek(fd, 0, SEEK_CUR);
  int durable = (flags & O_DSYNC) == O_DSYNC;
  *slow = durable;
  uint64_t id = next_id();
  struct record head = {.kind = WRITE, .flags = durable, .id = id, .inode = status.st_ino, .offset = offset};
  tell(head, whole, NULL, parts, count);
  return id;
}

#define TOLD_WRITE(fd, parts, count, offset, call) \
  start(); \
  int slow = 0; \
  uint64_t id = before_write(fd, parts, count, offset, &slow); \
  ssize_t result = call; \
  if (id != 0) { \
    int saved = errno; \
    tell_done(id, result); \
    if (slow) { \
      if (control != NULL) pause_ms(control->flush_ms); \
      tell((struct record){.kind = SETTLED, .id = id}, NULL, NULL, NULL, 0); \
    } \
    errno = saved; \
  } \
  return result

ssize_t write(int fd, const void *data, size_t size) {
  struct iovec part = {(void *)data, size};
  TOLD_WRITE(fd, &part, 1, -1, raw(SYS_write, fd, data, size));
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
  struct iovec part = {(void *)data, size};
  TOLD_WRITE(fd, &part, 1, offset, raw(SYS_pwrite64, fd, data, size, offset));
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) { return pwrite(fd, data, size, offset); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
  TOLD_WRITE(fd, parts, count, -1, raw(SYS_writev, fd, parts, count));
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  TOLD_WRITE(fd, parts, count, offset, raw(SYS_pwritev, fd, parts, count, offset, 0));
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) { return pwritev(fd, parts, count, offset); }

int ftruncate(int fd, off_t size) {
  start();
  char whole[PATH_MAX];
  struct stat status;
  if (!opened(fd, whole, &status)) return raw(SYS_ftruncate, fd, size);
  uint64_t id = next_id();
  tell((struct record){.kind = SIZE, .id = id, .inode = status.st_ino, .offset = size}, whole, NULL, NULL, 0);
  int result = raw(SYS_ftruncate, fd, size);
  tell_done(id, result);
  return result;
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

int truncate(const char *path, off_t size) {
  start();
  int fd = raw(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return -1;
  int result = ftruncate(fd, size);
  int saved = errno;
  raw(SYS_close, fd);
  errno = saved;
  return result;
}
int truncate64(const char *path, off64_t size) { return truncate(path, size); }

/* SQLite and LMDB grow files by it where they do at all; as a change of size that is the same. */
int posix_fallocate(int fd, off_t offset, off_t size) {
  struct stat status;
  if (fstat(fd, &status) != 0) return errno;
  if (status.st_size >= offset + size) return 0;
  return ftruncate(fd, offset + size) == 0 ? 0 : errno;
}
int posix_fallocate64(int fd, off64_t offset, off64_t size) { return posix_fallocate(fd, offset, size); }

/* ------------------------------------------------------------------------------------------------------ flushing */

static int flush_told(int fd, long number) {
  start();
  char whole[PATH_MAX];
  struct stat status;
  uint64_t id = 0;
  if (opened(fd, whole, &status)) {
    id = next_id();
    struct record head = {.kind = FLUSH, .flags = S_ISDIR(status.st_mode) ? 1 : 0, .id = id, .inode = status.st_ino};
    tell(head, whole, NULL, NULL, 0);
  }
  int result = raw(number, fd);
  int saved = errno;
  if (control != NULL) pause_ms(control->flush_ms);
  if (id != 0) tell_done(id, result);
  errno = saved;
  return result;
}
int fsync(int fd) { return flush_told(fd, SYS_fsync); }
int fdatasync(int fd) { return flush_told(fd, SYS_fdatasync); }

/* --------------------------------------------------------------------------------------------------------- names */

/* glibc declares paths as never null; the second one is ours to leave out. */
#pragma GCC diagnostic ignored "-Wnonnull-compare"
#define TOLD_NAME(kind_, dir, path, dir2, path2, call) \
  char whole[PATH_MAX]; \
  char second[PATH_MAX]; \
  uint64_t id = 0; \
  start(); \
  if (below(dir, path, whole) && ((path2) == NULL || below(dir2, path2, second))) { \
    id = next_id(); \
    tell((struct record){.kind = kind_, .id = id}, whole, (path2) == NULL ? NULL : second, NULL, 0); \
  } \
  int result = call; \
  if (id != 0) { \
    int saved = errno; \
    tell_done(id, result); \
    errno = saved; \
  } \
  return result

int renameat2(int dir, const char *from, int dir2, const char *to, unsigned int flags) {
  TOLD_NAME(RENAME, dir, from, dir2, to, raw(SYS_renameat2, dir, from, dir2, to, flags));
}
int renameat(int dir, const char *from, int dir2, const char *to) { return renameat2(dir, from, dir2, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int dir, const char *from, int dir2, const char *to, int flags) {
  TOLD_NAME(LINK, dir, from, dir2, to, raw(SYS_linkat, dir, from, dir2, to, flags));
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
int unlinkat(int dir, const char *path, int flags) {
  TOLD_NAME((flags & AT_REMOVEDIR) ? RMDIR : UNLINK, dir, path, AT_FDCWD, (char *)NULL, raw(SYS_unlinkat, dir, path, flags));
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
  int result = unlinkat(AT_FDCWD, path, 0);
  return result != 0 && errno == EISDIR ? unlinkat(AT_FDCWD, path, AT_REMOVEDIR) : result;
}
int mkdirat(int dir, const char *path, mode_t mode) {
  TOLD_NAME(MKDIR, dir, path, AT_FDCWD, (char *)NULL, raw(SYS_mkdirat, dir, path, mode));
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int symlinkat(const char *target, int dir, const char *path) {
  char whole[PATH_MAX];
  uint64_t id = 0;
  start();
  if (below(dir, path, whole)) {
    id = next_id();
    tell((struct record){.kind = SYMLINK, .id = id}, whole, target, NULL, 0);
  }
  int result = raw(SYS_symlinkat, target, dir, path);
  int saved = errno;
  if (id != 0) tell_done(id, result);
  errno = saved;
  return result;
}
int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }

long syscall(long number, ...) {
  long a[6];
  va_list rest;
  va_start(rest, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
  va_end(rest);
  start();
  if (number == SYS_renameat2) return renameat2(a[0], (const char *)a[1], a[2], (const char *)a[3], a[4]);
  return raw(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* --------------------------------------------------------------------------------------------------------- clock */

int clock_gettime(clockid_t clock, struct timespec *at) {
  REAL(int, clock_gettime, clockid_t, struct timespec *);
  int result = real(clock, at);
  if (result == 0 && control != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += control->clock_ms / 1000;
  return result;
}
int gettimeofday(struct timeval *restrict at, void *restrict zone) {
  REAL(int, gettimeofday, struct timeval *restrict, void *restrict);
  int result = real(at, zone);
  if (result == 0 && control != NULL) at->tv_sec += control->clock_ms / 1000;
  return result;
}
time_t time(time_t *into) {
  struct timeval now;
  gettimeofday(&now, NULL);
  if (into != NULL) *into = now.tv_sec;
  return now.tv_sec;
}
