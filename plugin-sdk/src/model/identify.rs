//! Computes identifiers from fields and compares them with those in the records.
//!
//! The manifests that are hashed are those of Git for directories, revisions and releases, and of the
//! archive for the others: <https://docs.softwareheritage.org/devel/swh-model/persistent-identifiers.html>.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};

use super::content::HashCollidingContent;
use super::directory::{Directory, Entry, EntryType};
use super::error::FieldError;
use super::extid::ExtId;
use super::extrinsic::RawExtrinsicMetadata;
use super::field::Field;
use super::origin::Origin;
use super::reader::Reader;
use super::release::Release;
use super::revision::Revision;
use super::snapshot::{Snapshot, Target};
use crate::bytes::write_digits;
use crate::hash::{self, GitHasher};
use crate::{Date, Id, ObjectKind, Person};

/// The result of comparing the identifier of an object with its fields.
///
/// ```
/// use journal_plugin_sdk::{Id, Origin, Verification, owned};
///
/// let value = owned::Origin::new().url("https://example.org").id(Id([0; 20])).encode();
/// let verification = Origin::new(&value).verify()?;
/// assert!(matches!(verification, Verification::Corrupt { .. }));
/// # Ok::<(), journal_plugin_sdk::FieldError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// The identifier matches the fields, or the record has no identifier.
    Intact,
    /// The identifier does not match the fields.
    Corrupt {
        /// The identifier in the record.
        claimed: Id,
        /// The identifier computed from the fields.
        computed: Id,
    },
    /// The persons are anonymised, so the identifier cannot be computed. Use a privileged topic.
    Anonymised,
    /// No identifier can be computed from the fields: that of a content needs its bytes, and visits, visit statuses,
    /// authorities, fetchers and releases without a target have none.
    WithoutIdentifier,
}

/// The computed identifier of an object.
pub(crate) trait Identify {
    /// The identifier computed from the fields, if any.
    fn computed(&self) -> Result<Option<Id>, FieldError>;

    /// Whether persons that the identifier is computed from are anonymised.
    fn hides_persons(&self) -> Result<bool, FieldError> {
        Ok(false)
    }
}

/// Declares the methods of an object with an identifier. Use it in the same module as `object!`.
macro_rules! identified {
    ($object:ident ($named:literal), $index:ident) => {
        impl $object<'_> {
            fn claimed_id(&self) -> Result<Option<$crate::Id>, $crate::FieldError> {
                let id = self.read_with($index::id, $crate::model::identify::read_claimed)?;
                Ok(id.flatten())
            }

            /// The identifier in the record, which most object types always have.
            #[allow(dead_code, reason = "not every object has a SWHID that is read from it")]
            #[inline]
            pub(in crate::model) fn required_id(&self) -> Result<$crate::Id, $crate::FieldError> {
                self.claimed_id()?.ok_or_else(|| self.missing($index::id))
            }

            /// The identifier in the record, or, if it is missing, the one computed from the fields.
            ///
            /// # Errors
            /// If the field is missing, or has another type or an invalid value.
            ///
            /// ```
            #[doc = concat!("# use journal_plugin_sdk::{", stringify!($object), ", Id, owned};")]
            #[doc = concat!("let value = owned::", stringify!($object), "::new().id(Id([7; 20])).encode();")]
            #[doc = concat!("assert_eq!(", stringify!($object), "::new(&value).id()?, Id([7; 20]));")]
            /// # Ok::<(), journal_plugin_sdk::FieldError>(())
            /// ```
            pub fn id(&self) -> Result<$crate::Id, $crate::FieldError> {
                match self.claimed_id()? {
                    Some(id) => Ok(id),
                    None => self.compute_id()?.ok_or_else(|| self.missing($index::id)),
                }
            }

            /// Computes the identifier from the raw manifest, if there is one, or else from the other fields. `None` for a
            /// release without a target.
            ///
            /// If a person is anonymised, the result differs from the identifier of the object; see
            /// [`verify`](Self::verify).
            ///
            /// # Errors
            /// If a field that the identifier is computed from is invalid.
            ///
            /// ```
            #[doc = concat!("# use journal_plugin_sdk::{", stringify!($object), ", owned};")]
            #[doc = concat!("# let value = owned::", stringify!($object), "::default().encode();")]
            #[doc = concat!("let id = ", stringify!($object), "::new(&value).compute_id()?;")]
            /// # Ok::<(), journal_plugin_sdk::FieldError>(())
            /// ```
            pub fn compute_id(&self) -> Result<Option<$crate::Id>, $crate::FieldError> {
                $crate::model::identify::Identify::computed(self).map_err(|error| error.of($named))
            }

            /// Compares the identifier in the record with the one computed from the fields.
            ///
            /// # Errors
            /// If a field that the identifier is computed from is invalid.
            ///
            /// ```
            #[doc = concat!("# use journal_plugin_sdk::{", stringify!($object), ", Verification, owned};")]
            #[doc = concat!("# let value = owned::", stringify!($object), "::default().encode();")]
            #[doc = concat!("# let object = ", stringify!($object), "::new(&value);")]
            /// if let Verification::Corrupt { claimed, computed } = object.verify()? {
            ///     println!("{claimed} should be {computed}");
            /// }
            /// # Ok::<(), journal_plugin_sdk::FieldError>(())
            /// ```
            pub fn verify(&self) -> Result<$crate::Verification, $crate::FieldError> {
                use $crate::Verification;

                if $crate::model::identify::Identify::hides_persons(self)? {
                    return Ok(Verification::Anonymised);
                }
                let Some(computed) = self.compute_id()? else {
                    return Ok(Verification::WithoutIdentifier);
                };
                Ok(match self.claimed_id()? {
                    Some(claimed) if claimed != computed => {
                        Verification::Corrupt { claimed, computed }
                    }
                    _ => Verification::Intact,
                })
            }
        }
    };
}
pub(crate) use identified;

/// The identifier in the record. An empty one counts as missing.
pub(crate) fn read_claimed(reader: &mut Reader<'_>) -> Result<Option<Id>, FieldError> {
    if reader.pass(&[0xc4, 0]) {
        return Ok(None);
    }
    Field::read(reader)
}

/// Objects with more bytes than this are hashed piece by piece, in two passes: the first one counts the bytes of the
/// manifest, which its head names.
const LARGE_BYTES: usize = 1 << 20;

/// The body of a manifest.
enum Body {
    /// In memory.
    Written(Vec<u8>),
    /// Only its length.
    Counted(usize),
    /// Only its hash.
    Hashed(GitHasher),
}

impl Body {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        match self {
            Self::Written(body) => body.extend_from_slice(bytes),
            Self::Counted(length) => *length += bytes.len(),
            Self::Hashed(hasher) => hasher.update(bytes),
        }
    }
}

impl fmt::Write for Body {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

/// The identifier of a manifest of this kind, whose body `write` writes for an object of `object_bytes`.
fn git_id(
    kind: &str,
    object_bytes: usize,
    mut write: impl FnMut(&mut Body) -> Result<(), FieldError>,
) -> Result<Option<Id>, FieldError> {
    let mut body = if object_bytes > LARGE_BYTES {
        Body::Counted(0)
    } else {
        // Enough for most objects.
        Body::Written(Vec::with_capacity(1024))
    };
    write(&mut body)?;
    if let Body::Counted(length) = body {
        body = Body::Hashed(GitHasher::new(kind, length));
        write(&mut body)?;
    }
    Ok(match body {
        Body::Written(body) => Some(hash::git_object_id(kind, &body)),
        Body::Hashed(hasher) => Some(hasher.finish()),
        Body::Counted(_) => None,
    })
}

/// The body of a manifest that starts with headers, one per line.
struct Headers<'b>(&'b mut Body);

impl Headers<'_> {
    /// A line break in a value is followed by a space, which marks a continuation line.
    fn bytes(&mut self, name: &[u8], value: &[u8]) {
        self.begin(name);
        self.escaped(value);
        self.end();
    }

    fn text(&mut self, name: &str, value: impl std::fmt::Display) {
        self.bytes(name.as_bytes(), value.to_string().as_bytes());
    }

    fn optional(&mut self, name: &str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn id(&mut self, name: &str, id: Id) {
        self.begin(name.as_bytes());
        let mut digits = [0; 40];
        write_digits(&id.0, &mut digits);
        self.0.put(&digits);
        self.end();
    }

    /// A person, and the date if there is one.
    fn person(&mut self, name: &str, person: &Person<'_>, date: Option<&Date<'_>>) {
        self.begin(name.as_bytes());
        self.escaped(&person.fullname);
        if let Some(date) = date {
            self.0.put(b" ");
            let _ = write!(self.0, "{}", date.seconds);
            if date.microseconds > 0 {
                let digits = format!("{:06}", date.microseconds);
                let _ = write!(self.0, ".{}", digits.trim_end_matches('0'));
            }
            self.0.put(b" ");
            self.escaped(&date.offset_bytes);
        }
        self.end();
    }

    fn message(&mut self, message: Option<&[u8]>) {
        if let Some(message) = message {
            self.0.put(b"\n");
            self.0.put(message);
        }
    }

    fn begin(&mut self, name: &[u8]) {
        self.0.put(name);
        self.0.put(b" ");
    }

    fn escaped(&mut self, value: &[u8]) {
        for (index, line) in value.split(|&byte| byte == b'\n').enumerate() {
            if index > 0 {
                self.0.put(b"\n ");
            }
            self.0.put(line);
        }
    }

    fn end(&mut self) {
        self.0.put(b"\n");
    }
}

impl Identify for Directory<'_> {
    fn computed(&self) -> Result<Option<Id>, FieldError> {
        if let Some(manifest) = self.raw_manifest()? {
            return Ok(Some(hash::sha1(manifest)));
        }
        let entries = self.entries()?.collect::<Result<Vec<_>, _>>()?;
        let order = order(entries.len(), &|one, other| {
            sort_key(&entries[one]).cmp(sort_key(&entries[other]))
        });
        git_id("tree", self.value().len(), |body| {
            for entry in order.iter().map(|&index| &entries[index]) {
                let _ = write!(body, "{:o} ", entry.perms);
                body.put(entry.name);
                body.put(b"\0");
                body.put(&entry.target.0);
            }
            Ok(())
        })
    }
}

/// The indices of `count` items in sorted order. The sort is stable.
///
/// Sorting indices instead of items adds only one sort function to a plugin. Most lists are sorted already.
fn order(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..count).collect();
    if !indices.is_sorted_by(|&one, &other| compare(one, other).is_le()) {
        indices.sort_by(|&one, &other| compare(one, other));
    }
    indices
}

/// Git sorts a directory as if its name ended with a slash.
fn sort_key<'e>(entry: &'e Entry<'_>) -> impl Iterator<Item = &'e u8> {
    let slash: &[u8] = match entry.entry_type {
        EntryType::Directory => b"/",
        EntryType::File | EntryType::Revision => b"",
    };
    entry.name.iter().chain(slash)
}

impl Identify for Revision<'_> {
    fn computed(&self) -> Result<Option<Id>, FieldError> {
        if let Some(manifest) = self.raw_manifest()? {
            return Ok(Some(hash::sha1(manifest)));
        }
        git_id("commit", self.value().len(), |body| {
            let mut headers = Headers(body);
            headers.id("tree", self.directory()?);
            for parent in self.parents()? {
                headers.id("parent", parent?);
            }
            if let Some(author) = self.author()? {
                headers.person("author", &author, self.date()?.as_ref());
            }
            if let Some(committer) = self.committer()? {
                headers.person("committer", &committer, self.committer_date()?.as_ref());
            }
            for header in self.extra_headers()? {
                let (name, value) = header?;
                headers.bytes(name, &value);
            }
            headers.message(self.message()?);
            Ok(())
        })
    }

    fn hides_persons(&self) -> Result<bool, FieldError> {
        // The raw manifest is not anonymised.
        Ok(self.is_anonymised()? && self.raw_manifest()?.is_none())
    }
}

impl Identify for Release<'_> {
    fn computed(&self) -> Result<Option<Id>, FieldError> {
        if let Some(manifest) = self.raw_manifest()? {
            return Ok(Some(hash::sha1(manifest)));
        }
        let Some(target) = self.target()? else {
            return Ok(None);
        };
        git_id("tag", self.value().len(), |body| {
            let mut headers = Headers(body);
            headers.id("object", target);
            headers.text("type", git_type(self.target_type()?));
            headers.bytes(b"tag", self.name()?);
            if let Some(author) = self.author()? {
                headers.person("tagger", &author, self.date()?.as_ref());
            }
            headers.message(self.message()?);
            Ok(())
        })
    }

    fn hides_persons(&self) -> Result<bool, FieldError> {
        Ok(self.is_anonymised()? && self.raw_manifest()?.is_none())
    }
}

fn git_type(target_type: ObjectKind) -> &'static str {
    match target_type {
        ObjectKind::Content => "blob",
        ObjectKind::Directory => "tree",
        ObjectKind::Revision => "commit",
        ObjectKind::Release => "tag",
        ObjectKind::Snapshot => "refs",
    }
}

impl Identify for Snapshot<'_> {
    fn computed(&self) -> Result<Option<Id>, FieldError> {
        let branches = self.branches()?.collect::<Result<Vec<_>, _>>()?;
        let order = order(branches.len(), &|one, other| {
            branches[one].name.cmp(branches[other].name)
        });
        git_id("snapshot", self.value().len(), |body| {
            for branch in order.iter().map(|&index| &branches[index]) {
                let (kind, target) = match &branch.target {
                    None => ("dangling", &[][..]),
                    Some(Target::Alias(name)) => ("alias", *name),
                    Some(Target::Object(kind, id)) => (kind.name(), &id.0[..]),
                };
                body.put(kind.as_bytes());
                body.put(b" ");
                body.put(branch.name);
                let _ = write!(body, "\0{}:", target.len());
                body.put(target);
            }
            Ok(())
        })
    }
}

impl Identify for Origin<'_> {
    fn computed(&self) -> Result<Option<Id>, FieldError> {
        Ok(Some(hash::sha1(self.url()?.as_bytes())))
    }
}

impl Identify for ExtId<'_> {
    fn computed(&self) -> Result<Option<Id>, FieldError> {
        git_id("extid", self.value().len(), |body| {
            let mut headers = Headers(body);
            headers.text("extid_type", self.extid_type()?);
            let version = self.extid_version()?;
            headers.optional("extid_version", (version != 0).then_some(version));
            headers.bytes(b"extid", self.extid()?);
            headers.text("target", self.target()?);
            headers.optional("payload_type", self.payload_type()?);
            if let Some(payload) = self.payload()? {
                headers.bytes(b"payload", payload);
            }
            Ok(())
        })
    }
}

impl Identify for RawExtrinsicMetadata<'_> {
    fn computed(&self) -> Result<Option<Id>, FieldError> {
        let (authority_type, url) =
            self.of_authority(|authority| Ok((authority.authority_type()?, authority.url()?)))?;
        let (name, version) =
            self.of_fetcher(|fetcher| Ok((fetcher.name()?, fetcher.version()?)))?;

        git_id("raw_extrinsic_metadata", self.value().len(), |body| {
            let mut headers = Headers(body);
            headers.text("target", self.target()?);
            headers.text("discovery_date", self.discovery_date()?.seconds());
            headers.text("authority", format_args!("{authority_type} {url}"));
            headers.text("fetcher", format_args!("{name} {version}"));
            headers.text("format", self.format()?);
            headers.optional("origin", self.origin()?);
            headers.optional("visit", self.visit()?);
            headers.optional("snapshot", self.snapshot()?);
            headers.optional("release", self.release()?);
            headers.optional("revision", self.revision()?);
            if let Some(path) = self.path()? {
                headers.bytes(b"path", path);
            }
            headers.optional("directory", self.directory()?);
            headers.message(Some(self.metadata()?));
            Ok(())
        })
    }
}

impl HashCollidingContent<'_> {
    /// Compares the identifier in the record with the one computed from the bytes.
    ///
    /// # Errors
    /// If the bytes or the identifier are missing or have another type.
    ///
    /// ```
    /// # use journal_plugin_sdk::{HashCollidingContent, Verification, owned};
    /// let value = owned::HashCollidingContent::new().data("some bytes").encode();
    /// assert_eq!(HashCollidingContent::new(&value).verify()?, Verification::Intact);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn verify(&self) -> Result<Verification, FieldError> {
        let claimed = self.sha1_git()?;
        let computed = hash::git_object_id("blob", self.data()?);
        Ok(if claimed == computed {
            Verification::Intact
        } else {
            Verification::Corrupt { claimed, computed }
        })
    }
}
