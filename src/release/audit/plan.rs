//! How much of an audit fits into what the rate limit leaves: requests are counted before the first one is made for an
//! asset. A value; what is done with it is elsewhere.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use jiff::Timestamp;
use semver::Version;

use crate::{
    release::checks::RELEASE,
    report::Finding,
    subject::tag::{Family, Tag},
    text::counted,
};

/// Most requests for the documents of a release that another one is compared with: checksums and measurements, each with up
/// to three files of signatures.
const COMPARED: usize = 8;

/// What auditing one release takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The release.
    pub tag: Tag,
    /// Requests to the API: one an asset that is to be downloaded.
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
    /// Requests that this takes at most.
    pub requests: usize,
    /// Bytes to download.
    pub bytes: u64,
    /// What is left of the rate limit, as far as it is known.
    pub left: Option<Left>,
}

/// Audits as many releases, from the first, as there are requests for; all of them where more come soon. `before` are those
/// that are made in any case.
pub fn plan(needs: &[Need], before: usize, left: Option<Left>) -> Plan {
    let room = left.filter(|left| !left.soon).map_or(usize::MAX, |left| left.requests);
    let listed: HashSet<&Version> = nodes(needs).collect();
    let (mut begun, mut waiting) = (HashSet::new(), HashMap::new());
    let (mut requests, mut bytes) = (before, 0_u64);
    let mut plan = Plan { begun: 0, requests, bytes, left };
    for (index, need) in needs.iter().enumerate() {
        let version = need.tag.version();
        (requests, bytes) = (requests.saturating_add(need.requests), bytes.saturating_add(need.bytes));
        match need.tag.family() {
            // What others are compared with is downloaded for its own sake now.
            Family::Node => {
                requests = requests.saturating_sub(waiting.remove(version).unwrap_or(0));
                begun.insert(version);
            }
            Family::Kms if !begun.contains(version) => {
                // One that is not listed is asked for as well.
                let more = COMPARED + usize::from(!listed.contains(version));
                requests = requests.saturating_add(more);
                *waiting.entry(version).or_insert(0) += more;
            }
            Family::Kms => {}
        }
        if requests <= room {
            plan = Plan { begun: index + 1, requests, bytes, left };
        }
    }
    plan
}

fn nodes(needs: &[Need]) -> impl Iterator<Item = &Version> {
    needs.iter().map(|need| &need.tag).filter(|tag| tag.family() == Family::Node).map(Tag::version)
}

/// What the report says of a release that there are no requests for. It never counts as a pass.
pub fn postponed(need: &Need, left: Left) -> Finding {
    let Left { requests, resets, .. } = left;
    let takes = counted(need.requests, "request", "requests");
    let message = format!(
        "not read: it takes {takes}, and the rate limit does not leave enough ({requests} in all) until {resets:.0}"
    );
    RELEASE
        .undecided(need.tag.as_str(), message)
        .help(format!("run the audit again after {resets:.0}; with --cache it goes on where this one stopped"))
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { begun, requests, bytes, left } = self;
        let (releases, requests) =
            (counted(*begun, "release", "releases"), counted(*requests, "more request", "more requests"));
        write!(f, "{releases}: at most {requests} to GitHub and {} to download", size(*bytes))?;
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
            let tenths = (u128::from(bytes) * 10) >> shift;
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        },
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::report::{Status, Verdict};

    fn need(tag: &str, requests: usize) -> Need {
        Need { tag: tag.parse().unwrap(), requests, bytes: 10 }
    }

    fn left(requests: usize, soon: bool) -> Option<Left> {
        Some(Left { requests, resets: Timestamp::UNIX_EPOCH, soon })
    }

    #[test]
    fn as_many_releases_are_begun_as_there_are_requests_for_and_all_where_more_come_soon() {
        let needs = ["mero-tee-v1.2.0", "mero-tee-v1.1.0", "mero-tee-v1.0.0"].map(|tag| need(tag, 5));
        for (limit, begun, requests) in [
            (None, 3, 16),
            (left(16, false), 3, 16),
            (left(15, false), 2, 11),
            (left(5, false), 0, 1),
            (left(0, true), 3, 16),
        ] {
            let plan = plan(&needs, 1, limit);
            assert_eq!((plan.begun, plan.requests), (begun, requests), "{limit:?}");
        }
        // What needs no request is always done.
        let known = [need("mero-tee-v1.2.0", 0), need("mero-tee-v1.1.0", 1)];
        assert_eq!(plan(&known, 0, left(0, false)).begun, 1);
        assert_eq!(plan(&[need("mero-tee-v1.2.0", usize::MAX)], usize::MAX, None).begun, 1);
    }

    #[test]
    fn what_a_kms_release_is_compared_with_is_counted_until_it_is_audited_itself() {
        let kms = need("mero-kms-v1.2.0", 9);
        let (node, other) = (need("mero-tee-v1.2.0", 5), need("mero-tee-v1.3.0", 5));
        let requests = |needs: &[&Need]| plan(&needs.iter().copied().cloned().collect::<Vec<_>>(), 0, None).requests;
        assert_eq!(requests(&[&kms]), 9 + COMPARED + 1);
        assert_eq!(requests(&[&kms, &other]), 9 + COMPARED + 1 + 5);
        assert_eq!(requests(&[&kms, &node]), 14);
        assert_eq!(requests(&[&node, &kms]), 14);
        // Its counterpart is listed and there is no room for it: its documents are needed all the same.
        let both = [kms, node];
        for (limit, begun, requests) in [(9 + COMPARED, 2, 14), (14, 2, 14), (13, 0, 0), (9, 0, 0)] {
            let plan = plan(&both, 0, left(limit, false));
            assert_eq!((plan.begun, plan.requests), (begun, requests), "{limit}");
        }
        let more = [both[0].clone(), need("mero-tee-v1.2.0", 100)];
        assert_eq!(plan(&more, 0, left(9 + COMPARED, false)).begun, 1);
    }

    #[test]
    fn what_there_is_no_room_for_has_no_verdict_and_says_when_there_is() {
        let finding = postponed(&need("mero-kms-v1.2.0", 9), left(3, false).unwrap());
        assert_eq!(
            (finding.status, Verdict::of([&finding].into_iter())),
            (Status::SkippedRequired, Verdict::Undecided)
        );
        assert!(finding.message.contains("9 requests") && finding.message.contains("until 1970-01-01T00:00:00Z"));
        assert!(finding.help.unwrap().contains("--cache"));
    }

    #[test]
    fn a_plan_reads_as_a_sentence() {
        let plan = Plan { begun: 1, requests: 1, bytes: 1536, left: left(1, false) };
        assert_eq!(
            plan.to_string(),
            "1 release: at most 1 more request to GitHub and 1.5 KiB to download; the rate limit leaves 1 request until \
             1970-01-01T00:00:00Z"
        );
        assert_eq!([0, 1023, 1 << 20, 5 << 30].map(size), ["0 bytes", "1023 bytes", "1.0 MiB", "5.0 GiB"]);
    }
}
