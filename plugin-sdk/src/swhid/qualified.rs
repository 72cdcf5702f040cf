//! SWHIDs with qualifiers.

use std::fmt::{self, Display, Formatter};
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::{ObjectKind, Swhid, SwhidError, SwhidProblem, escape};

/// A SWHID with qualifiers for the context of the object and for a fragment of it: text in rows, values and JSON.
///
/// Qualifiers are read in any order, and the last one of each name is used. They are written in the order `origin`,
/// `visit`, `anchor`, `path`, `lines` or `bytes`. As in swh.model, which is less strict than the specification:
///
/// - any object may have lines, they may start at 0, and the first may be above the last; a path may be relative and have no
///   anchor;
/// - in a path, all characters except ASCII letters and digits and `/_.-~` are escaped. Escaped bytes in an origin that are
///   not UTF-8 become the replacement character.
///
/// `bytes` follows the specification, as swh.model does not support it: a SWHID has either lines or bytes, and if both are
/// given, the bytes are used. Two things differ from both: white space in an origin is escaped, because swh.model writes a
/// SWHID that it cannot read, and line numbers must fit into 64 bits.
///
/// ```
/// use journal_plugin_sdk::{Fragment, QualifiedSwhid};
///
/// let text = "swh:1:cnt:4d99d2d18326621ccdd70f5ea66c2e2ac236ad8b;\
///     origin=https://example.org/a%3Bb;path=/Examples/a%20b.ml;lines=9-15";
/// let qualified: QualifiedSwhid = text.parse()?;
/// assert_eq!(qualified.origin(), Some("https://example.org/a;b"));
/// assert_eq!(qualified.path(), Some(&b"/Examples/a b.ml"[..]));
/// assert_eq!(qualified.fragment(), Some(Fragment::Lines((9..=15).into())));
/// assert_eq!(qualified.to_string(), text);
/// # Ok::<(), journal_plugin_sdk::SwhidError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QualifiedSwhid {
    swhid: Swhid,
    origin: Option<String>,
    visit: Option<Swhid>,
    anchor: Option<Swhid>,
    path: Option<Vec<u8>>,
    fragment: Option<Fragment>,
}

/// A fragment of a content.
///
/// ```
/// use journal_plugin_sdk::Fragment;
///
/// let lines = Fragment::Lines((9..=15).into());
/// assert_ne!(lines, Fragment::Bytes((9..=15).into()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fragment {
    /// These lines, counted from 1.
    Lines(FragmentRange),
    /// These bytes, counted from 0.
    Bytes(FragmentRange),
}

/// A number, or an inclusive range of two.
///
/// ```
/// use journal_plugin_sdk::FragmentRange;
///
/// assert_eq!(FragmentRange::from(9).to_string(), "9");
/// assert_eq!(FragmentRange::from(9..=15).to_string(), "9-15");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FragmentRange {
    /// The first number.
    pub first: u64,
    /// The last number of a range.
    pub last: Option<u64>,
}

impl QualifiedSwhid {
    /// The SWHID without its qualifiers.
    ///
    /// ```
    /// use journal_plugin_sdk::QualifiedSwhid;
    ///
    /// let text = "swh:1:cnt:4d99d2d18326621ccdd70f5ea66c2e2ac236ad8b;lines=9";
    /// let qualified: QualifiedSwhid = text.parse()?;
    /// assert!(text.starts_with(&qualified.swhid().to_string()));
    /// # Ok::<(), journal_plugin_sdk::SwhidError>(())
    /// ```
    #[must_use]
    pub fn swhid(&self) -> Swhid {
        self.swhid
    }

    /// The URL of the origin where the object was found, unescaped.
    ///
    /// ```
    /// use journal_plugin_sdk::QualifiedSwhid;
    ///
    /// let text = "swh:1:cnt:4d99d2d18326621ccdd70f5ea66c2e2ac236ad8b;origin=https://example.org/a";
    /// let qualified: QualifiedSwhid = text.parse()?;
    /// assert_eq!(qualified.origin(), Some("https://example.org/a"));
    /// # Ok::<(), journal_plugin_sdk::SwhidError>(())
    /// ```
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The snapshot of the visit that found the object.
    ///
    /// ```
    /// use journal_plugin_sdk::QualifiedSwhid;
    ///
    /// let text = "swh:1:cnt:4d99d2d18326621ccdd70f5ea66c2e2ac236ad8b;visit=swh:1:snp:d7f1b9eb7ccb596c2622c4780febaa02549830f9";
    /// let qualified: QualifiedSwhid = text.parse()?;
    /// assert!(text.ends_with(&qualified.visit().unwrap().to_string()));
    /// # Ok::<(), journal_plugin_sdk::SwhidError>(())
    /// ```
    #[must_use]
    pub fn visit(&self) -> Option<Swhid> {
        self.visit
    }

    /// The object at which the path begins.
    ///
    /// ```
    /// use journal_plugin_sdk::QualifiedSwhid;
    ///
    /// let text = "swh:1:cnt:4d99d2d18326621ccdd70f5ea66c2e2ac236ad8b;anchor=swh:1:rev:2db189928c94d62a3b4757b3eec68f0a4d4113f0";
    /// let qualified: QualifiedSwhid = text.parse()?;
    /// assert!(text.ends_with(&qualified.anchor().unwrap().to_string()));
    /// # Ok::<(), journal_plugin_sdk::SwhidError>(())
    /// ```
    #[must_use]
    pub fn anchor(&self) -> Option<Swhid> {
        self.anchor
    }

    /// The path from the anchor to the object, unescaped.
    ///
    /// ```
    /// use journal_plugin_sdk::QualifiedSwhid;
    ///
    /// let text = "swh:1:cnt:4d99d2d18326621ccdd70f5ea66c2e2ac236ad8b;path=/a%20b";
    /// let qualified: QualifiedSwhid = text.parse()?;
    /// assert_eq!(qualified.path(), Some(&b"/a b"[..]));
    /// # Ok::<(), journal_plugin_sdk::SwhidError>(())
    /// ```
    #[must_use]
    pub fn path(&self) -> Option<&[u8]> {
        self.path.as_deref()
    }

    /// The fragment of the content.
    ///
    /// ```
    /// use journal_plugin_sdk::QualifiedSwhid;
    ///
    /// let text = "swh:1:cnt:4d99d2d18326621ccdd70f5ea66c2e2ac236ad8b;lines=9";
    /// let qualified: QualifiedSwhid = text.parse()?;
    /// assert!(qualified.fragment().is_some());
    /// # Ok::<(), journal_plugin_sdk::SwhidError>(())
    /// ```
    #[must_use]
    pub fn fragment(&self) -> Option<Fragment> {
        self.fragment
    }

    /// Sets the URL of the origin.
    ///
    /// ```
    /// use journal_plugin_sdk::{QualifiedSwhid, Swhid};
    ///
    /// let swhid: Swhid = "swh:1:cnt:4d99d2d18326621ccdd70f5ea66c2e2ac236ad8b".parse()?;
    /// let qualified = QualifiedSwhid::from(swhid).with_origin("https://example.org/a;b");
    /// assert_eq!(qualified.to_string(), format!("{swhid};origin=https://example.org/a%3Bb"));
    /// # Ok::<(), journal_plugin_sdk::SwhidError>(())
    /// ```
    #[must_use]
    pub fn with_origin(mut self, url: impl Into<String>) -> Self {
        self.origin = Some(url.into());
        self
    }

    /// Sets the snapshot of the visit.
    ///
    /// # Errors
    ///
    /// If it is not a snapshot.
    ///
    /// ```
    /// use journal_plugin_sdk::{QualifiedSwhid, Swhid};
    ///
    /// let swhid: Swhid = "swh:1:cnt:4d99d2d18326621ccdd70f5ea66c2e2ac236ad8b".parse()?;
    /// let visit: Swhid = "swh:1:snp:d7f1b9eb7ccb596c2622c4780febaa02549830f9".parse()?;
    /// assert!(QualifiedSwhid::from(swhid).with_visit(visit).is_ok());
    /// assert!(QualifiedSwhid::from(swhid).with_visit(swhid).is_err());
    /// # Ok::<(), journal_plugin_sdk::SwhidError>(())
    /// ```
    pub fn with_visit(mut self, visit: Swhid) -> Result<Self, SwhidProblem> {
        if visit.kind != ObjectKind::Snapshot {
            return Err(SwhidProblem::Visit);
        }
        self.visit = Some(visit);
        Ok(self)
    }

    /// Sets the anchor.
    ///
    /// # Errors
    ///
    /// If it is a content.
    ///
    /// ```
    /// use journal_plugin_sdk::{QualifiedSwhid, Swhid};
    ///
    /// let swhid: Swhid = "swh:1:cnt:4d99d2d18326621ccdd70f5ea66c2e2ac236ad8b".parse()?;
    /// let anchor: Swhid = "swh:1:rev:2db189928c94d62a3b4757b3eec68f0a4d4113f0".parse()?;
    /// assert!(QualifiedSwhid::from(swhid).with_anchor(anchor).is_ok());
    /// assert!(QualifiedSwhid::from(swhid).with_anchor(swhid).is_err());
    /// # Ok::<(), journal_plugin_sdk::SwhidError>(())
    /// ```
    pub fn with_anchor(mut self, anchor: Swhid) -> Result<Self, SwhidProblem> {
        if anchor.kind == ObjectKind::Content {
            return Err(SwhidProblem::Anchor);
        }
        self.anchor = Some(anchor);
        Ok(self)
    }

    /// Sets the path.
    ///
    /// ```
    /// use journal_plugin_sdk::{QualifiedSwhid, Swhid};
    ///
    /// let swhid: Swhid = "swh:1:cnt:4d99d2d18326621ccdd70f5ea66c2e2ac236ad8b".parse()?;
    /// let qualified = QualifiedSwhid::from(swhid).with_path("/a b");
    /// assert_eq!(qualified.to_string(), format!("{swhid};path=/a%20b"));
    /// # Ok::<(), journal_plugin_sdk::SwhidError>(())
    /// ```
    #[must_use]
    pub fn with_path(mut self, path: impl Into<Vec<u8>>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Sets the fragment.
    ///
    /// ```
    /// use journal_plugin_sdk::{Fragment, QualifiedSwhid, Swhid};
    ///
    /// let swhid: Swhid = "swh:1:cnt:4d99d2d18326621ccdd70f5ea66c2e2ac236ad8b".parse()?;
    /// let qualified = QualifiedSwhid::from(swhid)
    ///     .with_path("/a b")
    ///     .with_fragment(Fragment::Bytes((0..=9).into()));
    /// assert_eq!(qualified.to_string(), format!("{swhid};path=/a%20b;bytes=0-9"));
    /// # Ok::<(), journal_plugin_sdk::SwhidError>(())
    /// ```
    #[must_use]
    pub fn with_fragment(mut self, fragment: Fragment) -> Self {
        self.fragment = Some(fragment);
        self
    }
}

impl From<Swhid> for QualifiedSwhid {
    fn from(swhid: Swhid) -> Self {
        Self {
            swhid,
            origin: None,
            visit: None,
            anchor: None,
            path: None,
            fragment: None,
        }
    }
}

impl From<u64> for FragmentRange {
    fn from(number: u64) -> Self {
        Self {
            first: number,
            last: None,
        }
    }
}

impl From<RangeInclusive<u64>> for FragmentRange {
    fn from(range: RangeInclusive<u64>) -> Self {
        Self {
            first: *range.start(),
            last: Some(*range.end()),
        }
    }
}

impl FromStr for QualifiedSwhid {
    type Err = SwhidError;

    fn from_str(text: &str) -> Result<Self, SwhidError> {
        let Some(end) = text.find(';') else {
            return Ok(Self::from(text.parse::<Swhid>()?));
        };
        let swhid: Swhid = text[..end].parse()?;
        Values::find(text, end + 1)?.qualify(swhid)
    }
}

/// The escaped value of a qualifier, and its position in the SWHID.
type Value<'a> = Option<(&'a str, usize)>;

/// The last value of each qualifier.
#[derive(Default)]
struct Values<'a> {
    origin: Value<'a>,
    visit: Value<'a>,
    anchor: Value<'a>,
    path: Value<'a>,
    lines: Value<'a>,
    bytes: Value<'a>,
}

impl<'a> Values<'a> {
    /// Finds the qualifiers in a SWHID. The first one starts at this position.
    fn find(text: &'a str, mut position: usize) -> Result<Self, SwhidError> {
        let qualifiers = &text[position..];
        if let Some(blank) = qualifiers.find(escape::is_blank) {
            return Err(SwhidProblem::Blank.at(position + blank));
        }
        let mut values = Self::default();
        for qualifier in qualifiers.split(';') {
            let (name, value) = qualifier
                .split_once('=')
                .ok_or(SwhidProblem::Qualifier.at(position))?;
            let slot = match name {
                "origin" => &mut values.origin,
                "visit" => &mut values.visit,
                "anchor" => &mut values.anchor,
                "path" => &mut values.path,
                "lines" => &mut values.lines,
                "bytes" => &mut values.bytes,
                _ => return Err(SwhidProblem::QualifierName.at(position)),
            };
            *slot = Some((value, position + name.len() + 1));
            position += qualifier.len() + 1;
        }
        Ok(values)
    }

    fn qualify(self, swhid: Swhid) -> Result<QualifiedSwhid, SwhidError> {
        let mut qualified = QualifiedSwhid::from(swhid);
        if let Some((url, _)) = self.origin {
            let url = escape::unescape(url);
            qualified = qualified.with_origin(String::from_utf8_lossy(&url));
        }
        if let Some((visit, position)) = self.visit {
            let visit = parse_swhid(visit, position)?;
            let with_visit = qualified.with_visit(visit);
            qualified = with_visit.map_err(|problem| problem.at(position))?;
        }
        if let Some((anchor, position)) = self.anchor {
            let anchor = parse_swhid(anchor, position)?;
            let with_anchor = qualified.with_anchor(anchor);
            qualified = with_anchor.map_err(|problem| problem.at(position))?;
        }
        if let Some((path, _)) = self.path {
            qualified = qualified.with_path(escape::unescape(path));
        }
        let lines = self.lines.map(parse_range).transpose()?;
        let bytes = self.bytes.map(parse_range).transpose()?;
        qualified.fragment = bytes.map(Fragment::Bytes).or(lines.map(Fragment::Lines));
        Ok(qualified)
    }
}

fn parse_swhid(text: &str, position: usize) -> Result<Swhid, SwhidError> {
    text.parse()
        .map_err(|error: SwhidError| error.problem.at(position + error.position))
}

fn parse_range((text, position): (&str, usize)) -> Result<FragmentRange, SwhidError> {
    let no_range = SwhidProblem::Range.at(position);
    let number = |text: &str| text.parse::<u64>().map_err(|_| no_range);
    Ok(match text.split_once('-') {
        None => number(text)?.into(),
        Some((first, last)) => (number(first)?..=number(last)?).into(),
    })
}

impl Display for QualifiedSwhid {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.swhid.fmt(formatter)?;
        if let Some(origin) = &self.origin {
            formatter.write_str(";origin=")?;
            escape::write_url(origin, formatter)?;
        }
        if let Some(visit) = self.visit {
            write!(formatter, ";visit={visit}")?;
        }
        if let Some(anchor) = self.anchor {
            write!(formatter, ";anchor={anchor}")?;
        }
        if let Some(path) = &self.path {
            formatter.write_str(";path=")?;
            escape::write_path(path, formatter)?;
        }
        match self.fragment {
            Some(Fragment::Lines(lines)) => write!(formatter, ";lines={lines}"),
            Some(Fragment::Bytes(bytes)) => write!(formatter, ";bytes={bytes}"),
            None => Ok(()),
        }
    }
}

impl Display for FragmentRange {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.first)?;
        self.last
            .map_or(Ok(()), |last| write!(formatter, "-{last}"))
    }
}

#[cfg(test)]
mod tests;
