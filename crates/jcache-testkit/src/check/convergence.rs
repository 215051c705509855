//! C9: after the last fault all copies come together again.

use super::Violation;

/// What one living process shows at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The process.
    pub process: String,
    /// Whether it leads.
    pub leads: bool,
    /// The epoch that it leads or follows in.
    pub epoch: u64,
    /// The last offset that it has executed.
    pub applied: u64,
    /// The last offset of its log.
    pub end: u64,
    /// Whether it answers reads.
    pub readable: bool,
    /// The digest of every shard.
    pub shards: Vec<u64>,
}

/// Whether one process leads, and all have what it has.
///
/// # Errors
/// What is not so.
pub fn check(copies: &[Copy]) -> Result<(), Violation> {
    let wrong = |what: String| Err(Violation::new("C9", what));
    let leaders: Vec<&Copy> = copies.iter().filter(|it| it.leads).collect();
    let [leader] = leaders[..] else {
        return wrong(format!("{} processes of {} lead", leaders.len(), copies.len()));
    };
    for copy in copies {
        let at = (copy.epoch, copy.applied, copy.end);
        if at != (leader.epoch, leader.end, leader.end) || !copy.readable {
            return wrong(format!("{copy:?} is not where its leader is: {leader:?}"));
        }
        if copy.shards != leader.shards {
            return wrong(format!("{} and its leader {} hold different data", copy.process, leader.process));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_must_be_where_the_leader_is() {
        let leader = || Copy {
            process: "a".into(),
            leads: true,
            epoch: 3,
            applied: 7,
            end: 7,
            readable: true,
            shards: vec![1, 2],
        };
        let follower = || Copy { process: "b".into(), leads: false, ..leader() };
        for (copies, good) in [
            (vec![leader(), follower()], true),
            (vec![follower()], false),
            (vec![leader(), leader()], false),
            (vec![leader(), Copy { applied: 6, ..follower() }], false),
            (vec![leader(), Copy { end: 8, ..follower() }], false),
            (vec![leader(), Copy { epoch: 2, ..follower() }], false),
            (vec![leader(), Copy { readable: false, ..follower() }], false),
            (vec![leader(), Copy { shards: vec![1, 3], ..follower() }], false),
        ] {
            assert_eq!(check(&copies).is_ok(), good, "{copies:?}");
        }
    }
}
