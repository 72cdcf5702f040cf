//! The users and groups of the machine, as far as `/etc/passwd` and `/etc/group` name them.
//!
//! With a umask of 002, which many systems set, the group of a new folder may write to it. That group is then the
//! user's own: it has the user's name and no other member. Debian's OpenSSH trusts such folders by the same rule.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The limit on what is read of one file, in bytes.
const MOST_BYTES: u64 = 16 << 20;

/// The content of the two files.
#[derive(Debug)]
pub(super) struct Accounts {
    passwd: String,
    group: String,
}

impl Accounts {
    /// The accounts of this machine.
    pub(super) fn of_this_machine() -> io::Result<Self> {
        Self::read(Path::new("/etc/passwd"), Path::new("/etc/group"))
    }

    fn read(passwd: &Path, group: &Path) -> io::Result<Self> {
        let read = |path: &Path| {
            let mut bytes = Vec::new();
            File::open(path)?
                .take(MOST_BYTES + 1)
                .read_to_end(&mut bytes)?;
            if bytes.len() as u64 > MOST_BYTES {
                return Err(io::Error::other("it is too large"));
            }
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        Ok(Self {
            passwd: read(passwd)?,
            group: read(group)?,
        })
    }

    /// Whether `group` is the own group of `user`: their primary one, of their name, and without another member. Where
    /// the files do not say so, as for users that only a directory service knows, it is not.
    pub(super) fn is_own_group(&self, user: u32, group: u32) -> bool {
        let users = || self.passwd.lines().filter_map(User::parse);
        let mut names = users().filter(|known| known.id == user);
        // Where a user has two names, which one the group has to match is ambiguous.
        let (Some(this), None) = (names.next(), names.next()) else {
            return false;
        };
        let groups = self.group.lines().filter_map(Group::parse);
        let mut same = groups.filter(|known| known.id == group);
        let (Some(own), None) = (same.next(), same.next()) else {
            return false;
        };
        this.group == group
            && own.name == this.name
            && own
                .members
                .split(',')
                .all(|name| name.is_empty() || name == this.name)
            && users().all(|other| other.group != group || other.id == user)
    }
}

/// A line `name:password:user:group:...` of `/etc/passwd`.
struct User<'a> {
    name: &'a str,
    id: u32,
    group: u32,
}

impl<'a> User<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split(':');
        Some(Self {
            name: fields.next()?,
            id: fields.nth(1)?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
        })
    }
}

/// A line `name:password:group:member,member` of `/etc/group`.
struct Group<'a> {
    name: &'a str,
    id: u32,
    members: &'a str,
}

impl<'a> Group<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split(':');
        Some(Self {
            name: fields.next()?,
            id: fields.nth(1)?.parse().ok()?,
            members: fields.next()?,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;

    use super::*;

    const ALICE: (u32, u32) = (1000, 1000);

    impl Accounts {
        /// A user whose own group this is.
        pub(in crate::sandbox) fn of_one(user: u32, group: u32) -> Self {
            Self {
                passwd: format!("alice:x:{user}:{group}::/:/bin/sh\n"),
                group: format!("alice:x:{group}:\n"),
            }
        }

        /// Nobody.
        pub(in crate::sandbox) fn none() -> Self {
            Self {
                passwd: String::new(),
                group: String::new(),
            }
        }
    }

    fn is_own(passwd: &str, group: &str) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let [passwd_file, group_file] = ["passwd", "group"].map(|name| folder.path().join(name));
        fs::write(&passwd_file, passwd).unwrap();
        fs::write(&group_file, group).unwrap();
        let accounts = Accounts::read(&passwd_file, &group_file).unwrap();
        accounts.is_own_group(ALICE.0, ALICE.1)
    }

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000:Alice,,,:/home/alice:/bin/bash\n";

    #[test]
    fn group_of_the_users_name_without_others_is_their_own() {
        assert!(is_own(
            PASSWD,
            "root:x:0:\nalice:x:1000:\nusers:x:100:alice\n"
        ));
        assert!(is_own(PASSWD, "alice:x:1000:alice"));
    }

    #[test]
    fn group_with_others_or_of_another_name_is_not() {
        let bob = format!("{PASSWD}bob:x:1001:1000::/:/bin/sh\n");
        let twice = format!("{PASSWD}alias:x:1000:1000::/:/bin/sh\n");
        let users = "alice:x:1000:100::/:/bin/sh\n";
        for (passwd, group) in [
            (PASSWD, "alice:x:1000:bob\n"),
            (PASSWD, "alice:x:1000:alice,bob\n"),
            (PASSWD, "staff:x:1000:\n"),
            (PASSWD, "alice:x:1000:\nstaff:x:1000:bob\n"),
            (&bob, "alice:x:1000:\n"),
            (&twice, "alice:x:1000:\n"),
            (users, "alice:x:1000:\n"),
        ] {
            assert!(!is_own(passwd, group), "{passwd}{group}");
        }
    }

    #[test]
    fn what_the_files_do_not_say_is_not_so() {
        for (passwd, group) in [
            ("", ""),
            (PASSWD, ""),
            ("", "alice:x:1000:\n"),
            (PASSWD, "alice:x:1000\n"),
            (PASSWD, "alice:x:some:\n"),
            ("alice\nalice:x:1000\n", "alice:x:1000:\n"),
            ("+::::::\n", "+:::\n"),
        ] {
            assert!(!is_own(passwd, group), "{passwd}{group}");
        }
        let nowhere = Path::new("/nowhere/at/all");
        assert!(Accounts::read(nowhere, nowhere).is_err());
    }

    #[test]
    fn endless_file_is_not_read() {
        let zero = Path::new("/dev/zero");
        assert!(Accounts::read(zero, zero).is_err());
    }
}
