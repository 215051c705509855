//! What only the inside of a block shows: the packed word, the count, the allocation.

use super::deadline::MAX as DEADLINE_MAX;
use super::*;

#[test]
fn the_word_keeps_its_parts_apart() {
    for key_len in [0, 1, 254, 255, 256, 70_000] {
        for deadline in [0, 1, 1_700_000_000_000, DEADLINE_MAX, DEADLINE_MAX + 1, u64::MAX] {
            let key = vec![b'k'; key_len];
            let mut block = Block::text(&key, &[b"value"], deadline);
            assert_eq!(block.deadline(), deadline.min(DEADLINE_MAX));
            block.set_meta(block.meta() | FREQUENCY);
            block.set_deadline(0);
            assert_eq!((block.deadline(), block.meta() & FREQUENCY), (0, FREQUENCY));
            block.set_deadline(u64::MAX);
            assert_eq!((block.deadline(), block.meta() & FREQUENCY), (DEADLINE_MAX, FREQUENCY));
            assert_eq!((block.key(), block.value()), (key.as_slice(), b"value".as_slice()));
            let layout = block.value_layout();
            // SAFETY: the block is this test's alone and made with this layout.
            unsafe { block.free(layout) };
        }
    }
}

#[test]
fn references_are_counted() {
    let mut block = Block::text(b"key", &[b"value"], 0);
    assert!(block.is_unshared_text());
    let other = block.retain();
    assert!(!block.is_unshared_text());
    assert!(!other.release());
    assert!(block.is_unshared_text());
    assert!(block.release());
    let layout = block.value_layout();
    // SAFETY: the last reference is gone; the block was made with this layout.
    unsafe { block.free(layout) };
}

#[test]
fn what_is_lent_is_counted_and_what_is_in_stock_is_the_entrys() {
    let mut block = Block::text(b"key", &[b"value"], 7);
    let lent: Vec<Block> = (0..40).map(|_| block.lend()).collect();
    assert_eq!((block.meta() & FREQUENCY, block.deadline(), block.key()), (FREQUENCY, 7, &b"key"[..]));
    assert!(!block.is_unshared_text());
    for handle in lent {
        assert!(!block.is_unshared_text() && !handle.release());
    }
    assert!(block.is_unshared_text());
    let last = block.lend();
    block.clear_stock();
    assert!(!block.release_entry());
    assert!(last.release());
    let layout = block.value_layout();
    // SAFETY: the last reference is gone; the block was made with this layout.
    unsafe { block.free(layout) };
}

#[test]
fn the_empty_block_is_never_unshared() {
    let block = Block::empty();
    assert!(!block.is_unshared_text());
    assert_eq!((block.len(), block.value_footprint()), (0, 0));
    assert!(!block.release());
}

/// Runs itself in a process of its own, which must die by a signal rather than let the count run over.
#[test]
fn too_many_references_abort() {
    const CHILD: &str = "JCACHE_VALUE_OVERFLOW";
    if std::env::var_os(CHILD).is_some() {
        let block = Block::text(b"", &[b"value"], 0);
        block.header().refs.store(i32::MAX as u32 + 1, Ordering::Relaxed);
        block.retain();
        return; // an exit code of 0, which fails the parent
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "block::tests::too_many_references_abort"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), None, "{output:?}");
}
