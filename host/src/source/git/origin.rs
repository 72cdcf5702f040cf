//! The URL of the origin that a repository is.

use std::path::Path;

use super::Error;
use super::command::Git;

/// The URL from which it was cloned, without secrets, or else the one of its folder.
///
/// # Errors
/// When git cannot be asked.
pub(super) fn of(git: &Git, folder: &Path) -> Result<String, Error> {
    let remote = git.look_up(&["config", "--get", "remote.origin.url"])?;
    let remote = remote.and_then(|remote| String::from_utf8(remote).ok());
    let url = remote.as_deref().and_then(public);
    Ok(url.unwrap_or_else(|| format!("file://{}", folder.display())))
}

/// The URL without user, password and token; none where it is a path that says nothing elsewhere.
fn public(url: &str) -> Option<String> {
    let url = url.trim();
    if let Some((scheme, rest)) = url.split_once("://") {
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or_default();
        return Some(format!("{scheme}://{host}{path}"));
    }
    if url.starts_with('/') {
        return Some(format!("file://{url}"));
    }
    // `USER@HOST:PATH`, as ssh has it.
    let (host, path) = url.split_once(':')?;
    if host.is_empty() || host.contains('/') {
        return None;
    }
    let host = host.rsplit('@').next().unwrap_or_default();
    Some(format!("{host}:{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_has_no_user_password_or_token() {
        for (url, expected) in [
            (
                "https://example.org/a/b.git",
                Some("https://example.org/a/b.git"),
            ),
            (
                "https://u:p@example.org:8443/a",
                Some("https://example.org:8443/a"),
            ),
            (
                "https://oauth2:t@n@example.org/a",
                Some("https://example.org/a"),
            ),
            (
                "https://example.org/a?private_token=t",
                Some("https://example.org/a"),
            ),
            ("https://t@example.org", Some("https://example.org")),
            ("ssh://git@example.org/a@b", Some("ssh://example.org/a@b")),
            ("git@example.org:a/b.git", Some("example.org:a/b.git")),
            ("/srv/git/a.git", Some("file:///srv/git/a.git")),
            ("file:///srv/a", Some("file:///srv/a")),
            ("../a", None),
            ("./a:b", None),
            ("", None),
        ] {
            assert_eq!(public(url).as_deref(), expected, "{url}");
        }
    }
}
