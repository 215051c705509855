//! Instructions per operation, by callgrind: what no noise of the machine touches.

use std::iter;

use crate::engine::{Kind, Operation};
use crate::report::{Report, Table};
use crate::spin;

pub(super) fn run(report: &mut Report) {
    let heads = ["", "get hit", "set overwrite", "get hit, TTL", "set overwrite, TTL"];
    let mut table = Table::new("Instructions per operation (callgrind), one thread, 1,024 keys", &heads);
    for kind in Kind::ALL {
        let cells = [false, true].into_iter().flat_map(|ttl| {
            [Operation::Get, Operation::Set].map(|operation| {
                spin::of_engine(kind, operation, ttl).map_or("–".to_owned(), |count| format!("{count:.0}"))
            })
        });
        table.row(iter::once(kind.name().to_owned()).chain(cells));
    }
    report.table(&table);
}
