/* Fails the k-th call of one kind on files below one folder, in the process that armed it. Loaded with LD_PRELOAD.

   fault_arm(folder, call, k, action): call 0 write, 1 fsync, 2 rename, 3 unlink (and rmdir); k counts from 1, 0 never fires;
   action 0 kill -9 before the call, 1 EIO, 2 ENOSPC, 3 half of the write, 4 ENOSPC from the k-th call on, 5 kill -9 after half of the write.
   fault_count(call): calls seen so far. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[PATH_MAX];
static int wanted = -1, action;
static long at, seen[4];

void fault_arm(const char *where, int call, long k, int what) {
    strncpy(folder, where, sizeof folder - 1);
    wanted = call, at = k, action = what;
    memset(seen, 0, sizeof seen);
}

long fault_count(int call) { return seen[call]; }

static int below(const char *path) { return folder[0] && !strncmp(path, folder, strlen(folder)); }

static int mine(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return below(path);
}

static int named(int dir, const char *path) {
    if (path[0] == '/') return below(path);
    if (dir != AT_FDCWD) return mine(dir);
    char whole[PATH_MAX];
    if (!getcwd(whole, sizeof whole)) return 0;
    size_t n = strlen(whole);
    snprintf(whole + n, sizeof whole - n, "/%s", path);
    return below(whole);
}

/* 0: go on, 1: failed with errno set, 2: half of the write */
static int strikes(int call) {
    if (!folder[0]) return 0;
    long number = __sync_add_and_fetch(&seen[call], 1);
    if (call != wanted || !at || (action == 4 ? number < at : number != at)) return 0;
    if (action == 0) syscall(SYS_kill, getpid(), SIGKILL);
    if (action == 1) errno = EIO;
    if (action == 2 || action == 4) errno = ENOSPC;
    return action == 3 || action == 5 ? 2 : 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t size) {
    int how = mine(fd) ? strikes(0) : 0;
    if (how == 1) return -1;
    ssize_t done = REAL(write)(fd, data, how == 2 && size > 1 ? size / 2 : size);
    if (how == 2 && action == 5) syscall(SYS_kill, getpid(), SIGKILL);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    int how = mine(fd) ? strikes(0) : 0;
    return how == 1 ? -1 : REAL(pwrite)(fd, data, how == 2 && size > 1 ? size / 2 : size, offset);
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    int how = mine(fd) ? strikes(0) : 0;
    return how == 1 ? -1 : REAL(writev)(fd, pieces, how == 2 && count > 1 ? 1 : count);
}

int fsync(int fd) { return mine(fd) && strikes(1) == 1 ? -1 : REAL(fsync)(fd); }

int fdatasync(int fd) { return mine(fd) && strikes(1) == 1 ? -1 : REAL(fdatasync)(fd); }

int rename(const char *from, const char *to) { return named(AT_FDCWD, to) && strikes(2) == 1 ? -1 : REAL(rename)(from, to); }

int renameat(int a, const char *from, int b, const char *to) {
    return named(b, to) && strikes(2) == 1 ? -1 : REAL(renameat)(a, from, b, to);
}

int unlink(const char *path) { return named(AT_FDCWD, path) && strikes(3) == 1 ? -1 : REAL(unlink)(path); }

int rmdir(const char *path) { return named(AT_FDCWD, path) && strikes(3) == 1 ? -1 : REAL(rmdir)(path); }

int unlinkat(int dir, const char *path, int flags) {
    return named(dir, path) && strikes(3) == 1 ? -1 : REAL(unlinkat)(dir, path, flags);
}
