//! How long the brokers have not answered, and when that ends the run.

use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;

/// The longest time for which brokers may refuse authentication. A broker that restarts does so for moments, and a
/// password that was changed does not mend itself.
const REFUSED_LIMIT: Duration = Duration::from_mins(1);
/// The interval between looks whether a broker is connected again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The interval between lines that say how long the brokers have been waited for.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// The time without a broker, which begins with an error of a connection and ends when a broker is connected.
#[derive(Debug)]
pub(super) struct Outage {
    limit: Duration,
    began: Option<Began>,
}

#[derive(Debug)]
struct Began {
    at: Instant,
    /// Since when brokers that are reached refuse authentication.
    refused: Option<Instant>,
    looked: Instant,
    said: Instant,
    /// Whether a look has found no broker. An error of one of several connections is not an outage.
    is_real: bool,
}

/// What a look finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing to say.
    Nothing,
    /// A broker is connected again.
    Over,
    /// The brokers have been waited for for so long, which is to be said.
    Waiting(Duration),
    /// They have been waited for for too long.
    TooLong(Duration),
    /// They have refused authentication for too long.
    Refused(Duration),
}

impl Outage {
    /// An outage that did not begin and may last for this time.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, began: None }
    }

    /// Whether an error was noted and no broker was found after it.
    pub(super) fn has_begun(&self) -> bool {
        self.began.is_some()
    }

    /// Since when no broker has been connected, once a look has found that.
    pub(super) fn since(&self) -> Option<Instant> {
        let began = self.began.as_ref().filter(|began| began.is_real);
        began.map(|began| began.at)
    }

    /// Notes an error of the client.
    pub(super) fn note(&mut self, code: RDKafkaErrorCode, now: Instant) {
        use RDKafkaErrorCode as Code;
        let refused = matches!(code, Code::Authentication | Code::SSL);
        let unreachable = matches!(
            code,
            Code::BrokerTransportFailure | Code::Resolve | Code::OperationTimedOut
        );
        if !refused && !unreachable && code != Code::AllBrokersDown {
            return;
        }
        let began = self.began.get_or_insert(Began {
            at: now,
            refused: None,
            looked: now,
            said: now,
            is_real: false,
        });
        if refused {
            began.refused.get_or_insert(now);
        } else if unreachable {
            // `AllBrokersDown` follows from any of the others.
            began.refused = None;
        }
    }

    /// Looks whether it is over, once in a while; `is_connected` asks the client.
    pub(super) fn look(&mut self, now: Instant, is_connected: impl FnOnce() -> bool) -> Found {
        let Some(began) = &mut self.began else {
            return Found::Nothing;
        };
        if now.saturating_duration_since(began.looked) < LOOK_EVERY {
            return Found::Nothing;
        }
        began.looked = now;
        if is_connected() {
            let is_real = began.is_real;
            self.began = None;
            return if is_real { Found::Over } else { Found::Nothing };
        }
        began.is_real = true;
        let since = |time| now.saturating_duration_since(time);
        let refused = began.refused.map(since);
        if let Some(refused) = refused
            && refused >= self.limit.min(REFUSED_LIMIT)
        {
            return Found::Refused(refused);
        }
        let waited = since(began.at);
        if waited >= self.limit {
            return Found::TooLong(waited);
        }
        if since(began.said) >= SAY_EVERY {
            began.said = now;
            return Found::Waiting(waited);
        }
        Found::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RDKafkaErrorCode as Code;

    /// An outage with a clock that the test moves.
    struct Test {
        outage: Outage,
        start: Instant,
        now: Instant,
    }

    impl Test {
        fn new(limit: u64) -> Self {
            let now = Instant::now();
            Self {
                outage: Outage::new(Duration::from_secs(limit)),
                start: now,
                now,
            }
        }

        fn at(&mut self, second: u64) -> &mut Self {
            self.now = self.start + Duration::from_secs(second);
            self
        }

        fn note(&mut self, code: Code) {
            self.outage.note(code, self.now);
        }

        fn finds(&mut self, is_connected: bool) -> Found {
            self.outage.look(self.now, || is_connected)
        }

        /// What is found in each second up to this one that is not nothing, without a broker.
        fn all_until(&mut self, end: u64) -> Vec<Found> {
            let seconds = (self.now - self.start).as_secs()..=end;
            let found = seconds.map(|second| self.at(second).finds(false));
            found.filter(|found| *found != Found::Nothing).collect()
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn waiting_is_said_each_30_seconds_and_ends_at_the_limit() {
        let mut test = Test::new(100);
        test.note(Code::BrokerTransportFailure);
        test.note(Code::AllBrokersDown);
        let expected = [
            Found::Waiting(seconds(30)),
            Found::Waiting(seconds(60)),
            Found::Waiting(seconds(90)),
            Found::TooLong(seconds(100)),
        ];
        assert_eq!(test.all_until(100), expected);
    }

    #[test]
    fn refused_authentication_ends_after_a_minute() {
        let mut test = Test::new(600);
        test.note(Code::Authentication);
        test.note(Code::AllBrokersDown);
        assert_eq!(test.all_until(59), [Found::Waiting(seconds(30))]);
        assert_eq!(test.at(60).finds(false), Found::Refused(seconds(60)));
    }

    #[test]
    fn limit_below_a_minute_holds_for_refused_authentication_too() {
        let mut test = Test::new(5);
        test.note(Code::SSL);
        assert_eq!(test.all_until(5), [Found::Refused(seconds(5))]);
    }

    #[test]
    fn broker_that_refused_before_it_went_away_counts_as_unreachable() {
        let mut test = Test::new(600);
        test.note(Code::Authentication);
        test.at(10).note(Code::BrokerTransportFailure);
        test.all_until(599);
        assert_eq!(test.at(600).finds(false), Found::TooLong(seconds(600)));
    }

    #[test]
    fn connected_broker_ends_the_outage_and_a_later_one_has_its_own_time() {
        let mut test = Test::new(10);
        test.note(Code::AllBrokersDown);
        assert_eq!(test.at(9).finds(false), Found::Nothing);
        assert_eq!(test.at(10).finds(true), Found::Over);
        test.at(20).note(Code::AllBrokersDown);
        assert_eq!(test.at(29).finds(false), Found::Nothing);
        assert_eq!(test.at(30).finds(false), Found::TooLong(seconds(10)));
    }

    #[test]
    fn error_while_another_broker_is_connected_is_no_outage() {
        let mut test = Test::new(10);
        test.note(Code::BrokerTransportFailure);
        assert_eq!(test.at(1).finds(true), Found::Nothing);
        assert_eq!(test.all_until(100), []);
    }

    #[test]
    fn error_of_a_partition_is_no_outage() {
        let mut test = Test::new(10);
        test.note(Code::NotLeaderForPartition);
        assert_eq!(test.all_until(100), []);
    }
}
