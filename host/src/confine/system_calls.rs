//! seccomp: which system calls the process can make.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Is, SeccompCondition,
    SeccompFilter, SeccompRule, apply_filter,
};

use super::Level;

/// System calls that no run makes, and that code which got control of the process would use: to start programs, to
/// reach into other processes, to change what the machine looks like, and parts of the kernel with many errors.
const REFUSED: [i64; 45] = [
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
];
/// The bits of a socket's type without its flags.
const TYPE: u64 = 0xf;

/// Limits the system calls; a refused one fails with `EPERM`.
pub(super) fn limit() -> Level {
    let limited = filter().and_then(|filter| apply_filter(&filter));
    match limited {
        Ok(()) => Level::Whole,
        Err(error) => {
            tracing::debug!("seccomp: {error}");
            Level::Missing
        }
    }
}

fn filter() -> Result<BpfProgram, seccompiler::Error> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().map(|&call| (call, Vec::new())).collect();
    rules.insert(libc::SYS_socket, sockets()?);
    let refusal = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refusal, ARCH.try_into()?)?;
    Ok(filter.try_into()?)
}

/// The sockets that are refused: those of other families than the usual ones, and raw ones. The C library asks the
/// kernel about addresses by a socket of the family `AF_NETLINK`, whose type is raw.
fn sockets() -> Result<Vec<SeccompRule>, seccompiler::Error> {
    let families = [
        libc::AF_UNIX,
        libc::AF_INET,
        libc::AF_INET6,
        libc::AF_NETLINK,
    ];
    let argument = |index, is, value: i32| {
        let value = u64::from(value.unsigned_abs());
        SeccompCondition::new(index, Length::Dword, is, value)
    };
    let others = families
        .iter()
        .map(|&family| argument(0, Is::Ne, family))
        .collect::<Result<_, _>>()?;
    let raw = vec![
        argument(0, Is::Ne, libc::AF_NETLINK)?,
        argument(1, Is::MaskedEq(TYPE), libc::SOCK_RAW)?,
    ];
    Ok(vec![SeccompRule::new(others)?, SeccompRule::new(raw)?])
}
