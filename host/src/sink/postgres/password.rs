//! The password of a user, which is never part of the command line.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::PostgresError;
use super::url::{Server, Url};

/// The variables that are looked at.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The password: that of the file that the URL names, or `PGPASSWORD`, or the one of a file in the format of `.pgpass`.
pub(super) fn of(
    url: &Url,
    user: &str,
    variable: Variables<'_>,
) -> Result<Option<String>, PostgresError> {
    if let Some(file) = &url.password_file {
        let text = fs::read_to_string(file).map_err(|source| cannot_read(file, source))?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        return Ok(Some(line.strip_suffix('\r').unwrap_or(line).to_owned()));
    }
    if let Some(password) = variable("PGPASSWORD").and_then(|password| password.into_string().ok())
    {
        return Ok(Some(password));
    }
    let Some(file) = passfile(url, variable) else {
        return Ok(None);
    };
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        // Only a file that the operator names has to be there.
        Err(_) if url.passfile.is_none() => return Ok(None),
        Err(source) => return Err(cannot_read(&file, source)),
    };
    let mode = file.metadata().map_or(0, |file| file.permissions().mode());
    if mode & 0o077 != 0 {
        tracing::warn!(
            "`{}` is not read for passwords: other users may read it (`chmod 600` changes that)",
            file.display()
        );
        return Ok(None);
    }
    let host = match &url.server {
        Server::Host(host) => host,
        // As libpq has it for sockets.
        Server::Folder(_) => "localhost",
    };
    let wanted = [host, &url.port.to_string(), &url.database, user];
    Ok(text.lines().find_map(|line| matching(line, wanted)))
}

/// The file in the format of `.pgpass` that is read.
pub(super) fn passfile(url: &Url, variable: Variables<'_>) -> Option<PathBuf> {
    let of_user = || Some(PathBuf::from(variable("HOME")?).join(".pgpass"));
    let named = || variable("PGPASSFILE").map(PathBuf::from);
    url.passfile.clone().or_else(named).or_else(of_user)
}

fn cannot_read(file: &Path, source: io::Error) -> PostgresError {
    PostgresError::PasswordFile {
        file: file.display().to_string(),
        source,
    }
}

/// The password of a line `HOST:PORT:DATABASE:USER:PASSWORD`, if it is of this user.
fn matching(line: &str, wanted: [&str; 4]) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut rest = line;
    for part in wanted {
        let (field, after) = field(rest);
        let after = after?;
        if field != part && &rest[..rest.len() - after.len() - 1] != "*" {
            return None;
        }
        rest = after;
    }
    Some(field(rest).0)
}

/// The field before the first `:`, and what follows that. A backslash takes the next character as it is.
fn field(text: &str) -> (String, Option<&str>) {
    let mut field = String::new();
    let mut characters = text.char_indices();
    while let Some((index, one)) = characters.next() {
        match one {
            ':' => return (field, Some(&text[index + 1..])),
            '\\' => field.extend(characters.next().map(|(_, next)| next)),
            one => field.push(one),
        }
    }
    (field, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_mode(file: &Path, text: &str, mode: u32) {
        fs::write(file, text).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn password_is_that_of_the_nearest_setting() {
        let folder = tempfile::tempdir().unwrap();
        let (own, list) = (folder.path().join("own"), folder.path().join(".pgpass"));
        fs::write(&own, "own:secret\r\n").unwrap();
        with_mode(&list, "h:5432:d:me:listed\n", 0o600);
        let home = |name: &str| (name == "HOME").then(|| folder.path().into());
        let both = |name: &str| match name {
            "HOME" => Some(folder.path().into()),
            "PGPASSWORD" => Some("variable".into()),
            _ => None,
        };
        let of = |text: &str, variable: Variables<'_>| {
            self::of(&Url::parse(text).unwrap(), "me", variable).unwrap()
        };
        assert_eq!(of("//h/d", &home).as_deref(), Some("listed"));
        assert_eq!(of("//other/d", &home), None);
        assert_eq!(of("//h/d", &both).as_deref(), Some("variable"));
        let by_file = format!("//h/d?password_file={}", own.display());
        assert_eq!(of(&by_file, &both).as_deref(), Some("own:secret"));
        with_mode(&list, "h:5432:d:me:listed\n", 0o640);
        assert_eq!(of("//h/d", &home), None);
        let missing = Url::parse("//h/d?passfile=/nowhere").unwrap();
        let refused = self::of(&missing, "me", &|_| None);
        assert!(matches!(refused, Err(PostgresError::PasswordFile { .. })));
        assert_eq!(of("//h/d", &|_| None), None);
    }

    #[test]
    fn lines_match_by_field() {
        let wanted = ["h:1", "5432", "d", "me"];
        for (line, password) in [
            (r"h\:1:5432:d:me:secret", Some("secret")),
            (r"*:*:*:*:a\\b\:c:d", Some(r"a\b:c")),
            ("*:*:*:me:", Some("")),
            (r"\*:*:*:me:x", None),
            ("#*:*:*:*:x", None),
            ("*:*:*:you:x", None),
            ("*:*:*:me", None),
            ("", None),
        ] {
            assert_eq!(matching(line, wanted).as_deref(), password, "{line}");
        }
    }
}
