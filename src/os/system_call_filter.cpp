// SPDX-License-Identifier: Apache-2.0
// The system calls of masqd, and of the programs that it starts: nft, iptables, ipset. Decision 0019 says why these.
#include "os/system_call_filter.hpp"

#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <type_traits>

#include "base/result.hpp"

namespace masq::os {
namespace {

// A name that an architecture or the library does not know is skipped: `stat` on arm64, `mseal` with an old library.
constexpr const char* allowed[] = {
    // Memory
    "brk", "madvise", "membarrier", "mincore", "mlock", "mlock2", "mmap", "mmap2", "mprotect", "mremap", "mseal",
    "msync", "munlock", "munmap",
    // Files: bpffs, /proc, the options, locks
    "access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3",
    "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown",
    "fchownat", "fcntl", "fcntl64", "fdatasync", "fgetxattr", "flock", "fstat", "fstat64", "fstatat64", "fstatfs",
    "fstatfs64", "fsync", "ftruncate", "ftruncate64", "getcwd", "getdents", "getdents64", "getxattr",
    "inotify_add_watch", "inotify_init1", "inotify_rm_watch", "ioctl", "lgetxattr", "link", "linkat", "llseek",
    "_llseek", "lseek", "lstat", "lstat64", "memfd_create", "mkdir", "mkdirat", "newfstatat", "open", "openat",
    "openat2", "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink",
    "readlinkat", "readv", "rename", "renameat", "renameat2", "rmdir", "sendfile", "sendfile64", "splice", "stat",
    "stat64", "statfs", "statfs64", "statx", "symlink", "symlinkat", "sync_file_range", "truncate", "umask", "unlink",
    "unlinkat", "utimensat", "write", "writev",
    // Waiting, time, signals
    "alarm", "clock_getres", "clock_gettime", "clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64",
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd2", "futex",
    "futex_time64", "futex_waitv", "getitimer", "gettimeofday", "kill", "nanosleep", "pause", "pidfd_open",
    "pidfd_send_signal", "pipe", "pipe2", "poll", "ppoll", "ppoll_time64", "pselect6", "pselect6_time64",
    "restart_syscall", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64", "select", "_newselect", "setitimer", "sigaltstack",
    "signalfd4", "sigreturn", "tgkill", "time", "timer_create", "timer_delete", "timer_gettime", "timer_settime",
    "timerfd_create", "timerfd_gettime", "timerfd_settime", "times", "tkill",
    // Sockets; socket() itself is below
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv", "recvfrom",
    "recvmmsg", "recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    "socketpair",
    // Processes; clone() is below
    "arch_prctl", "capget", "capset", "execve", "execveat", "exit", "exit_group", "fork", "get_robust_list",
    "get_thread_area", "getcpu", "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups",
    "getgroups32", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getrandom", "getresgid", "getresgid32",
    "getresuid", "getresuid32", "getrlimit", "getrusage", "getsid", "gettid", "getuid", "getuid32", "prctl",
    "prlimit64", "rseq", "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr",
    "sched_getparam", "sched_getscheduler", "sched_setaffinity", "sched_yield", "seccomp", "set_robust_list",
    "set_thread_area", "set_tid_address", "set_tls", "setpgid", "setpriority", "setrlimit", "setsid", "sysinfo",
    "ugetrlimit", "uname", "vfork", "wait4", "waitid", "waitpid",
    // iptables-legacy drops the rights of a set-user-id program
    "setegid", "seteuid", "setgid", "setgid32", "setregid", "setregid32", "setresgid", "setresgid32", "setresuid",
    "setresuid32", "setreuid", "setreuid32", "setuid", "setuid32",
    // The datapaths
    "bpf",
#ifdef __SANITIZE_ADDRESS__
    "ptrace", "process_vm_readv",  // LeakSanitizer stops the threads of the process
#endif
};

// Families of socket(): the kernel has dozens of others, of which many had a flaw.
constexpr int socket_families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

constexpr std::uint64_t new_namespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

// The newest system call that the list considers (set_mempolicy_home_node, Linux 5.17). Since 424 the numbers are the
// same on all architectures.
constexpr int newest_considered = 450;

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, Release>;

bool is_known(int number) {
  const std::unique_ptr<char, decltype([](char* name) { std::free(name); })> name(
      seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number));
  return name != nullptr;
}

// Collects the first error of several calls of the library.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx filter) : filter_(filter) {}

  template <class... Conditions>
  void allow(int number, Conditions... conditions) {
    keep(seccomp_rule_add(filter_, SCMP_ACT_ALLOW, number, sizeof...(conditions), conditions...));
    seen_.insert(number);
  }
  void refuse(int number, int error) {
    keep(seccomp_rule_add(filter_, SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), number, 0));
    seen_.insert(number);
  }
  void set(scmp_filter_attr attribute, std::uint32_t value) { keep(seccomp_attr_set(filter_, attribute, value)); }
  bool has(int number) const { return seen_.contains(number); }
  int error() const { return error_; }

 private:
  void keep(int result) {
    if (error_ == 0 && result < 0) error_ = -result;
  }
  scmp_filter_ctx filter_;
  std::set<int> seen_;
  int error_ = 0;
};

void add_allowed(Rules& rules) {
  for (const char* name : allowed)
    if (const int number = seccomp_syscall_resolve_name(name); number >= 0) rules.allow(number);
  for (const int family : socket_families)
    rules.allow(SCMP_SYS(socket), SCMP_A0_32(SCMP_CMP_EQ, static_cast<std::uint32_t>(family)));
  rules.allow(SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, new_namespaces, 0));
  rules.allow(SCMP_SYS(clone3));
  // A known call that is missing in the list is refused as a missing right is, not as an old kernel would.
  for (int number = 0; number <= newest_considered; ++number)
    if (!rules.has(number) && is_known(number)) rules.refuse(number, EPERM);
}

enum class Refusals : std::uint8_t { logged, silent };

template <class AddRules>
Result<void> load_filter(std::uint32_t otherwise, Refusals refusals, AddRules add_rules) {
  const Filter filter(seccomp_init(otherwise));
  if (!filter) return fail("seccomp: out of memory");
  Rules rules(filter.get());
  rules.set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
  rules.set(SCMP_FLTATR_CTL_LOG, refusals == Refusals::logged ? 1 : 0);
  rules.set(SCMP_FLTATR_CTL_OPTIMIZE, 2);
  add_rules(rules);
  if (rules.error() != 0) return fail("seccomp: {}", std::strerror(rules.error()));
  if (const int error = seccomp_load(filter.get()); error != 0) return fail("seccomp: {}", std::strerror(-error));
  return {};
}

}  // namespace

Result<void> filter_system_calls() {
  TRY_DO(load_filter(SCMP_ACT_ERRNO(ENOSYS), Refusals::logged, add_allowed));
  // The flags of clone3() are in memory, where a filter cannot read them. With ENOSYS the C library uses clone(): at
  // each start of a program, and so without a line in the log.
  return load_filter(SCMP_ACT_ALLOW, Refusals::silent, [](Rules& rules) { rules.refuse(SCMP_SYS(clone3), ENOSYS); });
}

}  // namespace masq::os
