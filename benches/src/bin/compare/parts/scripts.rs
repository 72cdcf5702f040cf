//! CPU time per object of scripts, compared with the same functions in native Python with upstream's client.

use crate::Arguments;
use crate::journal::{Loaded, Which, Work};
use crate::results::{Report, Table, Target};
use crate::rounds::{Participant, Rounds};
use crate::scripts::Language;
use crate::subject::{Measured, Subject};

/// The names of the subjects with one workload.
struct Names {
    work: Work,
    dicts: &'static str,
    /// Native Python on model objects, where that makes a difference.
    objects: Option<&'static str>,
    python: &'static str,
    javascript: &'static str,
}

const ALL: [Names; 3] = [
    Names {
        work: Work::Counts,
        dicts: "counts, native Python",
        objects: None,
        python: "counts, **script in Python**",
        javascript: "counts, **script in JavaScript**",
    },
    Names {
        work: Work::Fields,
        dicts: "all fields, native Python, on dicts",
        objects: Some("all fields, native Python, on model objects"),
        python: "all fields, **script in Python**",
        javascript: "all fields, **script in JavaScript**",
    },
    Names {
        work: Work::Months,
        dicts: "months, native Python, on dicts",
        objects: Some("months, native Python, on model objects"),
        python: "months, **script in Python**",
        javascript: "months, **script in JavaScript**",
    },
];

const TWO_WORKERS: &str = "months, **script in Python**, 2 workers";
const PLUGIN: &str = "months, plugin in Rust, two million records";
const PLUGIN_TWO_WORKERS: &str = "months, plugin in Rust, 2 workers";

/// The most CPU time of a script in Python, relative to native Python on dicts.
const DICTS: Target = Target::AtMost(1.0);
/// The least CPU time of native Python on model objects, relative to a script in Python.
const OBJECTS: Target = Target::AtLeast(3.0);
/// The most CPU time per record of two workers, relative to one.
const MORE_WORKERS: Target = Target::AtMost(1.05);

pub(super) fn measure_scripts(loaded: &Loaded, arguments: &Arguments, report: &mut Report) {
    let rounds = Rounds::run(loaded, participants(arguments.few_rounds.get()));
    let cpu = Measured::cpu_us;
    let mut table = Table::new("scripts, from Kafka", "CPU us/record", 2);
    let mut row = |name: &str, ratios: &[(&str, &str, Option<Target>)]| {
        let row = table.row(name, &rounds.of(name, cpu));
        row.rate(&rounds.of(name, Measured::rate));
        for (other, to, target) in ratios {
            row.ratio(to, &rounds.ratio(name, other, cpu), *target);
        }
    };
    for names in ALL {
        row(names.dicts, &[]);
        if let Some(objects) = names.objects {
            let to_script = "to the script in Python";
            row(objects, &[(names.python, to_script, Some(OBJECTS))]);
        }
        let to_native = "to native Python";
        row(names.python, &[(names.dicts, to_native, Some(DICTS))]);
        row(names.javascript, &[(names.dicts, to_native, None)]);
        if names.work == Work::Months {
            let to_one = "to 1 worker";
            row(TWO_WORKERS, &[(names.python, to_one, Some(MORE_WORKERS))]);
        }
    }
    row(PLUGIN, &[]);
    row(PLUGIN_TWO_WORKERS, &[(PLUGIN, "to 1 worker", None)]);
    report.add(table);
}

fn participants(rounds: usize) -> Vec<Participant> {
    let mut subjects = Vec::new();
    for names in ALL {
        let work = names.work;
        subjects.push(Subject::python(work, false, names.dicts));
        let python = Subject::script(work, Language::Python, 1, names.python);
        subjects.push(python);
        subjects.extend(names.objects.map(|name| Subject::python(work, true, name)));
        let javascript = Subject::script(work, Language::JavaScript, 1, names.javascript);
        subjects.push(javascript);
    }
    subjects.extend([
        Subject::script(Work::Months, Language::Python, 2, TWO_WORKERS),
        Subject::host(Work::Months, Which::Large, 1, 1, PLUGIN),
        Subject::host(Work::Months, Which::Large, 1, 2, PLUGIN_TWO_WORKERS),
    ]);
    let all = subjects.into_iter();
    all.map(|subject| Participant { subject, rounds }).collect()
}
