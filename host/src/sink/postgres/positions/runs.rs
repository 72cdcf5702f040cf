//! The positions of runs without a group, each of which one session holds.

use postgres::Client;

use super::PositionStatements;
use crate::sink::tables::Owner;

/// What is idle for long is looked after.
const HOLDING: &str =
    "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3";
const HOLD: &str = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))";
const UNHOLD: &str = "SELECT pg_advisory_unlock(hashtextextended($1, 0))";

impl PositionStatements {
    /// Keeps other sessions from being the same run without a group, until this one ends. A machine that is gone loses it
    /// after a minute.
    pub(in crate::sink::postgres) fn hold_run(
        &self,
        client: &mut Client,
        run: &str,
    ) -> Result<bool, postgres::Error> {
        client.batch_execute(HOLDING)?;
        let row = client.query_one(HOLD, &[&self.held(run)])?;
        Ok(row.get(0))
    }

    /// Removes the positions of the plugin's runs without a group that have ended: nobody holds them.
    pub(in crate::sink::postgres) fn forget_runs(
        &self,
        client: &mut Client,
        owner: &Owner,
    ) -> Result<(), postgres::Error> {
        let own = owner.keeps_positions_of();
        let runs = client.query(&self.runs, &[&owner.runs()])?;
        let runs = runs.iter().map(|row| row.get::<_, String>(0));
        for run in runs.filter(|run| owner.is_run(run)) {
            if own == Some(&*run) {
                self.end_run(client, &run)?;
            } else if self.hold_run(client, &run)? {
                self.end_run(client, &run)?;
                client.query(UNHOLD, &[&self.held(&run)])?;
            }
        }
        Ok(())
    }

    /// Removes the positions of a run without a group.
    pub(in crate::sink::postgres) fn end_run(
        &self,
        client: &mut Client,
        run: &str,
    ) -> Result<(), postgres::Error> {
        client.execute(&self.end, &[&run]).map(drop)
    }

    /// What a run without a group is held by.
    fn held(&self, run: &str) -> String {
        format!("{} {run}", self.offsets)
    }
}
