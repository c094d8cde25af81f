//! How much of an audit fits into what the rate limit leaves: requests are counted before the first one is made for an
//! asset. A value; what is done with it is elsewhere.

use std::fmt;

use jiff::Timestamp;

use crate::{
    release::checks::RELEASE,
    report::Finding,
    subject::tag::{Family, Tag},
    text::counted,
};

/// Requests for a release that another one is compared with and that is not audited itself: its listing, the checksums, up
/// to two files of their signature, and the measurements.
const COMPARISON: usize = 5;

/// What auditing one release takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Requests to the API: one an asset that is to be downloaded, and those for what it is compared with.
    pub requests: usize,
    /// Bytes to download.
    pub bytes: u64,
}

/// What is left of the rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Requests.
    pub requests: usize,
    /// When there are more.
    pub resets: Timestamp,
    /// Whether that is so soon that it is waited for.
    pub soon: bool,
}

/// What is to be done, in the order of the releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How many of the releases are audited, from the first.
    pub begun: usize,
    /// What that takes.
    pub cost: Cost,
    /// What is left of the rate limit, as far as it is known.
    pub left: Option<Left>,
}

/// What a release takes whose own assets take `assets` requests for `bytes`. `audited` are the tags of all that are.
pub fn cost(tag: &Tag, assets: usize, bytes: u64, audited: &[&Tag]) -> Cost {
    let counterpart = |other: &&&Tag| other.family() == Family::Node && other.version() == tag.version();
    let compared = match tag.family() {
        // What is compared with is downloaded for its own sake.
        Family::Kms if audited.iter().any(|other| counterpart(&other)) => 0,
        Family::Kms => COMPARISON,
        Family::Node => 0,
    };
    Cost { requests: assets.saturating_add(compared), bytes }
}

/// Audits as many releases, from the first, as there are requests for; all of them where more come soon.
pub fn plan(costs: &[Cost], left: Option<Left>) -> Plan {
    let room = left.filter(|left| !left.soon).map_or(usize::MAX, |left| left.requests);
    let (mut begun, mut cost) = (0, Cost::default());
    for one in costs {
        let sum =
            Cost { requests: cost.requests.saturating_add(one.requests), bytes: cost.bytes.saturating_add(one.bytes) };
        if sum.requests > room {
            break;
        }
        (begun, cost) = (begun + 1, sum);
    }
    Plan { begun, cost, left }
}

/// What the report says of a release that there are no requests for. It is no verdict, and never a pass.
pub fn postponed(tag: &Tag, cost: Cost, left: Left) -> Finding {
    let Left { requests, resets, .. } = left;
    let message = format!(
        "not read: it takes {}, and the rate limit does not leave enough ({requests} in all) until {resets:.0}",
        counted(cost.requests, "request", "requests"),
    );
    RELEASE
        .undecided(tag.as_str(), message)
        .help(format!("run the audit again after {resets:.0}; with --cache it goes on where this one stopped"))
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { begun, cost: Cost { requests, bytes }, left } = self;
        let (releases, requests) = (counted(*begun, "release", "releases"), counted(*requests, "request", "requests"));
        write!(f, "{releases}: about {requests} to GitHub and {} to download", size(*bytes))?;
        match left {
            Some(left) => {
                let requests = counted(left.requests, "request", "requests");
                write!(f, "; the rate limit leaves {requests} until {:.0}", left.resets)
            }
            None => Ok(()),
        }
    }
}

/// A number of bytes as people say it.
pub fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = UNITS.into_iter().find(|(_, shift)| bytes >= 1 << shift);
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(name, shift)| {
            let tenths = u128::from(bytes) * 10 >> shift;
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        },
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::report::{Status, Verdict};

    fn tag(text: &str) -> Tag {
        text.parse().unwrap()
    }

    fn of(requests: usize) -> Cost {
        Cost { requests, bytes: 10 }
    }

    fn left(requests: usize, soon: bool) -> Option<Left> {
        Some(Left { requests, resets: Timestamp::UNIX_EPOCH, soon })
    }

    #[test]
    fn a_kms_release_costs_its_counterpart_as_well_unless_that_is_audited_itself() {
        let (kms, node, other) = (tag("mero-kms-v1.2.0"), tag("mero-tee-v1.2.0"), tag("mero-tee-v1.3.0"));
        assert_eq!(cost(&kms, 9, 10, &[&kms, &other]).requests, 9 + COMPARISON);
        assert_eq!(cost(&kms, 9, 10, &[&kms, &node]).requests, 9);
        assert_eq!(cost(&node, 9, 10, &[&node]), of(9));
        assert_eq!(cost(&kms, usize::MAX, 0, &[]).requests, usize::MAX);
    }

    #[test]
    fn as_many_releases_are_begun_as_there_are_requests_for_and_all_where_more_come_soon() {
        let costs = [of(5), of(5), of(5)];
        for (limit, begun, requests) in [
            (None, 3, 15),
            (left(15, false), 3, 15),
            (left(14, false), 2, 10),
            (left(4, false), 0, 0),
            (left(0, true), 3, 15),
        ] {
            let plan = plan(&costs, limit);
            assert_eq!((plan.begun, plan.cost.requests), (begun, requests), "{limit:?}");
        }
        // What costs nothing is always done.
        assert_eq!(plan(&[of(0), of(0), of(1)], left(0, false)).begun, 2);
        assert_eq!(plan(&[of(usize::MAX), of(usize::MAX)], None).begun, 2);
    }

    #[test]
    fn what_there_is_no_room_for_has_no_verdict_and_says_when_there_is() {
        let finding = postponed(&tag("mero-kms-v1.2.0"), of(9), left(3, false).unwrap());
        assert_eq!(
            (finding.status, Verdict::of([&finding].into_iter())),
            (Status::SkippedRequired, Verdict::Undecided)
        );
        assert!(finding.message.contains("9 requests") && finding.message.contains("until 1970-01-01T00:00:00Z"));
        assert!(finding.help.unwrap().contains("--cache"));
    }

    #[test]
    fn a_plan_reads_as_a_sentence() {
        let plan = Plan { begun: 1, cost: Cost { requests: 1, bytes: 1536 }, left: left(1, false) };
        assert_eq!(
            plan.to_string(),
            "1 release: about 1 request to GitHub and 1.5 KiB to download; the rate limit leaves 1 request until \
             1970-01-01T00:00:00Z"
        );
        assert_eq!([0, 1023, 1 << 20, 5 << 30].map(size), ["0 bytes", "1023 bytes", "1.0 MiB", "5.0 GiB"]);
    }
}
