//! The page that shows a run while it goes on, and the state that its script asks for.
//!
//! The server writes the whole state into the page, so that it works without the script. The script asks for the state
//! again each second and puts the same texts in. All of them pass through [`Escaped`] or are set as text by the script.

mod state;

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use self::state::{CHART, Chart, State, Table};
use super::history::History;
use super::metrics::RunInfo;
use super::progress::Progress;

/// The script of the page.
pub(super) const SCRIPT: &str = include_str!("page.js");
/// The style of the page.
pub(super) const STYLE: &str = include_str!("page.css");
/// The icon of the page.
pub(super) const ICON: &str = include_str!("icon.svg");
const FRAME: &str = include_str!("page.html");

/// What the page says of a run from its start on.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// What the plugin does, in its author's words.
    pub(crate) summary: String,
    /// The names of the plugin's options that are set.
    pub(crate) options: Vec<String>,
    /// The configuration without secrets and without the values of options.
    pub(crate) configuration: String,
}

/// The page of a run.
#[derive(Debug)]
pub(crate) struct Page {
    info: RunInfo,
    about: About,
    progress: Arc<Progress>,
    history: Mutex<History>,
    /// Which run it is, for a script that outlives it.
    run: String,
}

impl Page {
    /// The page of a run that begins now.
    #[must_use]
    pub(crate) fn new(info: RunInfo, about: About, progress: Arc<Progress>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_nanos();
        Self {
            run: format!("{now}-{}", std::process::id()),
            info,
            about,
            progress,
            history: Mutex::default(),
        }
    }

    /// Looks at the progress, for the charts. It is called several times per second.
    pub(crate) fn look(&self) {
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.look(&self.progress);
    }

    fn state(&self) -> State {
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        State::of(&self.run, &self.progress, &history)
    }

    /// The state of the run as JSON.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(&self.state()).unwrap_or_default()
    }

    /// The page with the state of the run.
    ///
    /// # Errors
    /// Never, as far as is known: a text takes all that is written to it.
    pub(super) fn html(&self) -> Result<String, fmt::Error> {
        let state = self.state();
        let mut body = String::new();
        self.head(&state, &mut body)?;
        body.push_str("<dl class=\"figures\">\n");
        for figure in &state.figures {
            let (id, label, value) = (figure.id, figure.label, Escaped(&figure.value));
            writeln!(
                body,
                "<div><dt>{label}</dt><dd id=\"{id}\">{value}</dd></div>"
            )?;
        }
        body.push_str("</dl>\n<div class=\"charts\">\n");
        for chart in &state.charts {
            write_chart(chart, &mut body)?;
        }
        body.push_str("</div>\n");
        for table in &state.tables {
            write_table(table, &mut body)?;
        }
        self.foot(&mut body)?;
        let title = Escaped(&self.info.plugin).to_string();
        Ok(FRAME.replace("{title}", &title).replace("{body}", &body))
    }

    fn head(&self, state: &State, to: &mut String) -> fmt::Result {
        let info = &self.info;
        let (name, version) = (Escaped(&info.plugin), Escaped(&info.plugin_version));
        let (run, phase, message) = (Escaped(&state.run), state.phase, Escaped(&state.message));
        writeln!(to, "<h1>{name} <small>{version}</small></h1>")?;
        if !self.about.summary.is_empty() {
            writeln!(to, "<p>{}</p>", Escaped(&self.about.summary))?;
        }
        writeln!(
            to,
            "<p id=\"phase\" class=\"{phase}\" role=\"status\" data-run=\"{run}\">{message}</p>"
        )
    }

    fn foot(&self, to: &mut String) -> fmt::Result {
        let info = &self.info;
        let options = match &self.about.options[..] {
            [] => "none".to_owned(),
            options => options.join(", "),
        };
        let version = env!("CARGO_PKG_VERSION");
        to.push_str("<h2>Run</h2>\n<dl class=\"facts\">\n");
        for (label, value) in [
            ("host", version),
            ("group", &*info.group),
            ("SHA-256 of the plugin", &info.plugin_digest),
            ("SHA-256 of its options", &info.options_digest),
            ("its options, by name", &options),
        ] {
            let value = if value.is_empty() { "none" } else { value };
            writeln!(to, "<dt>{label}</dt><dd>{}</dd>", Escaped(value))?;
        }
        to.push_str("</dl>\n");
        if !self.about.configuration.is_empty() {
            let configuration = Escaped(&self.about.configuration);
            writeln!(
                to,
                "<h2>Configuration</h2>\n<pre id=\"configuration\">{configuration}</pre>"
            )?;
        }
        Ok(())
    }
}

fn write_chart(chart: &Chart, to: &mut String) -> fmt::Result {
    let (width, height) = CHART;
    let Chart {
        id,
        label,
        points,
        top,
    } = chart;
    writeln!(
        to,
        "<figure id=\"{id}\"><figcaption>{label}, at most <span>{top}</span></figcaption>\
         <svg viewBox=\"-1 -1 {} {}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{label}\">\
         <polyline points=\"{points}\"/></svg></figure>",
        width + 2,
        height + 2,
    )
}

fn write_table(table: &Table, to: &mut String) -> fmt::Result {
    let hidden = if table.rows.is_empty() { " hidden" } else { "" };
    write!(
        to,
        "<section id=\"{}\"{hidden}><h2>{}</h2>\n<table><thead><tr>",
        table.id, table.title
    )?;
    for column in table.columns {
        write!(to, "<th scope=\"col\">{column}</th>")?;
    }
    to.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        to.push_str("<tr>");
        for cell in row {
            write!(to, "<td>{}</td>", Escaped(cell))?;
        }
        to.push_str("</tr>\n");
    }
    to.push_str("</tbody></table></section>\n");
    Ok(())
}

/// A text from outside in HTML, which nothing in it can leave.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::progress::FailedRecord;

    const HOSTILE: &str = "</pre><script src=\"//evil.example\">'&\u{202e}";

    fn page() -> Page {
        let progress = Arc::new(Progress::new(1, &[]));
        progress.happenings().add_failed(FailedRecord {
            topic: HOSTILE.into(),
            partition: 1,
            offset: 2,
            kind: "rejected",
            reason: HOSTILE.to_owned(),
        });
        progress.happenings().show_failure(HOSTILE);
        let info = RunInfo {
            plugin: HOSTILE.to_owned(),
            plugin_version: HOSTILE.to_owned(),
            plugin_digest: HOSTILE.to_owned(),
            options_digest: HOSTILE.to_owned(),
            group: HOSTILE.to_owned(),
        };
        let about = About {
            summary: HOSTILE.to_owned(),
            options: vec![HOSTILE.to_owned()],
            configuration: HOSTILE.to_owned(),
        };
        Page::new(info, about, progress)
    }

    #[test]
    fn no_text_from_outside_becomes_a_tag() {
        let html = page().html().unwrap();
        assert!(!html.contains("evil.example\""), "{html}");
        assert!(!html.contains("<script src=\"//"), "{html}");
        let escaped = "&lt;/pre&gt;&lt;script src=&quot;//evil.example&quot;&gt;&#39;&amp;";
        assert_eq!(html.matches(escaped).count(), 12, "{html}");
    }

    #[test]
    fn page_names_no_other_host_and_has_no_script_or_style_of_its_own() {
        for text in [FRAME, SCRIPT, STYLE] {
            for part in ["://", "<style", "style=", "onclick", "innerHTML", "eval("] {
                assert!(!text.contains(part), "{part} in {text}");
            }
        }
        assert!(FRAME.contains("<script src=\"page.js\" defer></script>"));
    }

    #[test]
    fn state_of_the_script_and_the_page_are_the_same() {
        let page = page();
        let json: serde_json::Value = serde_json::from_str(&page.json()).unwrap();
        let html = page.html().unwrap();
        for figure in json["figures"].as_array().unwrap() {
            let id = figure["id"].as_str().unwrap();
            assert!(html.contains(&format!("id=\"{id}\"")), "{id}");
        }
        for table in json["tables"].as_array().unwrap() {
            let id = table["id"].as_str().unwrap();
            assert!(html.contains(&format!("<section id=\"{id}\"")), "{id}");
        }
        assert_eq!(json["phase"], "failed");
    }
}
