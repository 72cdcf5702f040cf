//! Options of a script.

use super::{LIMIT, failed, file, host, says};

const OPTIONS: &str = r#"
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple, Optional
import datetime

from journal_host import Id, Swhid, options

OBJECT_TYPES = ["revision"]
FIELDS = {"revision": ["id", "date"]}
OUTPUTS = [{"name": "dates"}, {"name": "sums", "kind": "aggregate", "key": ["year"],
            "columns": [{"name": "n", "merge": "sum"}]}]


@dataclass
class Options:
    minimum: Annotated[int, "the first year"] = 0
    kind: Literal["a", "b"] = "a"
    names: list[str] = field(default_factory=list)
    nothing: Optional[int] = None


class Row(NamedTuple):
    id: Id
    swhid: Swhid
    date: datetime.datetime
    large: int
    kind: str


def process(all_objects, emit):
    for revision in all_objects["revision"]:
        assert sorted(revision) == ["date", "id"]
        seconds = revision["date"]["timestamp"]["seconds"]
        date = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        if date.year >= options.minimum:
            swhid = Swhid("revision", revision["id"])
            emit(Row(Id(revision["id"]), swhid, date, 2**64 - 1, options.kind + "".join(options.names)), "dates")
            emit({"year": date.year, "n": 1}, "sums")
"#;

#[test]
fn options_are_checked_and_rows_have_the_types_of_the_script() {
    let script = file("options.py", OPTIONS);
    let finished = host(&script)
        .args(["--option", "minimum=2025", "--option", "kind=b"])
        .args(["--option", "names=x", "--option", "names=y"])
        .finish(LIMIT)
        .success();
    let rows = finished.rows();
    let dates = rows.iter().filter(|row| row["output"] == "dates");
    let row = &dates.clone().next().expect("there is a row")["row"];
    let id = row["id"].as_str().expect("it is a text");
    assert_eq!(row["swhid"], format!("swh:1:rev:{id}"));
    assert_eq!(row["large"], u64::MAX);
    assert_eq!(row["kind"], "bxy");
    assert!(
        row["date"]
            .as_str()
            .expect("it is a text")
            .starts_with("202")
    );
    let sums = rows.iter().filter(|row| row["output"] == "sums");
    let sum: u64 = sums
        .map(|row| row["row"]["n"].as_u64().expect("it is a sum"))
        .sum();
    assert_eq!(usize::try_from(sum), Ok(dates.count()));

    let finished = host(&script).args(["--option", "minimum=x"]).finish(LIMIT);
    assert_eq!(finished.status.code(), Some(2), "{}", finished.stderr);
    says(&finished, "minimum");
}

#[test]
fn script_that_raises_over_its_options_fails() {
    let check = "\nif options.minimum < 0:\n    raise ValueError('a year')\n";
    let script = file("refusing.py", &format!("{OPTIONS}{check}"));
    let refused = failed(host(&script).args(["--option", "minimum=-1"]));
    says(&refused, "`start` failed: the processor failed: ");
    says(&refused, "ValueError: a year");
}
