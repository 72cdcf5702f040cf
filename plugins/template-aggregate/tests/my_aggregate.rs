//! Runs the plugin natively, without WebAssembly and journal-host.

use journal_plugin_sdk::testing::{Error, Harness, Rows};
use journal_plugin_sdk::{Date, owned};
use my_aggregate::MyAggregate;
use serde_json::json;

#[test]
fn commits_are_counted_by_the_weekday_of_the_author() -> Result<(), Error> {
    let on =
        |seconds, offset: &'static [u8]| owned::Revision::new().date(Date::new(seconds, 0, offset));
    let run = Harness::<MyAggregate, _>::new()
        .options(json!({"since": 2023}))
        // The first hour of a Saturday in London, which is still a Friday in the Azores.
        .object(&on(1_700_265_600, b"-0100"))
        .object(&on(1_700_265_600, b"+0000"))
        .object(&on(1_700_265_601, b"+0100"))
        .object(&on(0, b"+0000"))
        .object(&owned::Revision::new())
        .same_for_any_split(10, Rows::InAnyOrder)?;
    let expected = [
        json!({"weekday": "Friday", "commits": 1}),
        json!({"weekday": "Saturday", "commits": 2}),
    ];
    assert_eq!(run.rows("weekdays"), expected);
    Ok(())
}
