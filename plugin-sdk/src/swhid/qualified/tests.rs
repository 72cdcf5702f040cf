//! Cases of swh.model 8.4.1, and those where this differs.

use super::*;

const CORE: &str = "swh:1:cnt:4d99d2d18326621ccdd70f5ea66c2e2ac236ad8b";
const SNAPSHOT: &str = "swh:1:snp:d7f1b9eb7ccb596c2622c4780febaa02549830f9";
const REVISION: &str = "swh:1:rev:2db189928c94d62a3b4757b3eec68f0a4d4113f0";

/// Qualifiers as they are read, and as they are written again.
#[track_caller]
fn check(read: &str, written: &str) {
    let qualified: QualifiedSwhid = format!("{CORE}{read}").parse().unwrap();
    assert_eq!(qualified.to_string(), format!("{CORE}{written}"));
    assert_eq!(qualified.to_string().parse(), Ok(qualified));
}

#[test]
fn qualifiers_are_written_in_a_fixed_order_with_fixed_escapes() {
    for (read, written) in [
        ("", ""),
        (";lines=9", ";lines=9"),
        (";lines=9-15", ";lines=9-15"),
        (";lines=0", ";lines=0"),
        (";lines=15-9", ";lines=15-9"),
        (";lines=007-+8", ";lines=7-8"),
        (";lines=1;lines=2", ";lines=2"),
        (";lines=none;lines=2", ";lines=2"),
        (";lines=2;path=/a;origin=b", ";origin=b;path=/a;lines=2"),
        (";origin=", ";origin="),
        (";path=", ";path="),
        (";origin=a=b", ";origin=a=b"),
        (";origin=a%3Bb%3bc", ";origin=a%3Bb%3Bc"),
        (";origin=100%25", ";origin=100%25"),
        (";origin=100%", ";origin=100%25"),
        (";origin=%zz%4", ";origin=%25zz%254"),
        (";origin=%%34%31", ";origin=%2541"),
        (";origin=%2525", ";origin=%2525"),
        (";origin=%C3%A9é", ";origin=éé"),
        (";origin=%C3é%E9", ";origin=\u{fffd}é\u{fffd}"),
        (";origin=h://x/?a+b&c#d", ";origin=h://x/?a+b&c#d"),
        (";path=/a%20b", ";path=/a%20b"),
        (";path=/a+b&c=d", ";path=/a%2Bb%26c%3Dd"),
        (";path=/-_.~Az09", ";path=/-_.~Az09"),
        (";path=é%e9%E9", ";path=%C3%A9%E9%E9"),
        (";path=%2f%2F", ";path=//"),
        (";path=relative", ";path=relative"),
    ] {
        check(read, written);
    }
    check(
        &format!(";anchor={REVISION};visit={SNAPSHOT}"),
        &format!(";visit={SNAPSHOT};anchor={REVISION}"),
    );
}

#[test]
fn bytes_follow_the_specification_and_win_over_lines() {
    check(";bytes=0", ";bytes=0");
    check(";bytes=4-20", ";bytes=4-20");
    check(";bytes=4-20;lines=1", ";bytes=4-20");
    check(";lines=1;bytes=4-20", ";bytes=4-20");
}

#[test]
fn white_space_in_an_origin_is_escaped() {
    check(";origin=a%20b%0a", ";origin=a%20b%0A");
    check(";origin=a%E2%80%83b%1C", ";origin=a%E2%80%83b%1C");
}

#[track_caller]
fn check_error(qualifiers: &str, problem: SwhidProblem, position: usize) {
    let text = format!("{CORE}{qualifiers}");
    let position = CORE.len() + position;
    assert_eq!(
        text.parse::<QualifiedSwhid>(),
        Err(problem.at(position)),
        "{text}"
    );
}

#[test]
fn error_in_a_qualifier_has_the_problem_and_its_position() {
    check_error(";", SwhidProblem::Qualifier, 1);
    check_error(";lines", SwhidProblem::Qualifier, 1);
    check_error(";lines=1;", SwhidProblem::Qualifier, 9);
    check_error(";lines=1;;path=a", SwhidProblem::Qualifier, 9);
    check_error(";=1", SwhidProblem::QualifierName, 1);
    check_error(";Lines=1", SwhidProblem::QualifierName, 1);
    check_error(";lines=1;foo=1", SwhidProblem::QualifierName, 9);
    check_error(";lines=1; path=a", SwhidProblem::Blank, 9);
    check_error(";path=a\u{3000}", SwhidProblem::Blank, 7);
    check_error(";path=a\x1c", SwhidProblem::Blank, 7);
    check_error(";path=a\n", SwhidProblem::Blank, 7);
    for range in [
        "",
        "-",
        "1-",
        "-1",
        "1-2-3",
        "one",
        "1.0",
        "18446744073709551616",
        "1_0",
        "٣",
    ] {
        check_error(&format!(";lines={range}"), SwhidProblem::Range, 7);
        check_error(&format!(";bytes={range}"), SwhidProblem::Range, 7);
    }
}

#[test]
fn visit_must_be_a_snapshot_and_anchor_not_a_content() {
    let written = |name, code| format!(";{name}=swh:1:{code}:{}", &CORE[10..]);
    for code in ["cnt", "dir", "rev", "rel"] {
        check_error(&written("visit", code), SwhidProblem::Visit, 7);
    }
    check_error(&written("anchor", "cnt"), SwhidProblem::Anchor, 8);
    check_error(&written("anchor", "ori"), SwhidProblem::ExtendedKind, 14);
    check_error(";visit=", SwhidProblem::Prefix, 7);
    check_error(";anchor=swh:1:rev:0x", SwhidProblem::Id, 19);
    for code in ["dir", "rev", "rel", "snp"] {
        check(&written("anchor", code), &written("anchor", code));
    }
    let content: Swhid = CORE.parse().unwrap();
    let qualified = QualifiedSwhid::from(content);
    assert_eq!(
        qualified.clone().with_visit(content),
        Err(SwhidProblem::Visit)
    );
    assert_eq!(qualified.with_anchor(content), Err(SwhidProblem::Anchor));
}

#[test]
fn origins_have_no_qualified_swhid() {
    let text = CORE.replace("cnt", "ori");
    let error = SwhidProblem::ExtendedKind.at(6);
    assert_eq!(text.parse::<QualifiedSwhid>(), Err(error));
    assert_eq!(
        format!("{text};lines=1").parse::<QualifiedSwhid>(),
        Err(error)
    );
}
