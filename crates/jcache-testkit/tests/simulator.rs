//! A slice of the simulator: some seeds are clean, and one seed is one run. `cargo xtask sim` runs as many as wanted.

use jcache_testkit::simulator::{Figures, Settings, run};

/// Seeds of the slice; the rest is `cargo xtask sim`'s.
const SEEDS: u64 = 30;

/// The same with the in-process memory beside the model.
const MEMORY_SEEDS: u64 = 12;

#[test]
fn a_slice_of_seeds_is_clean() {
    let mut figures = Figures::default();
    for seed in 0..SEEDS {
        let run = run(&Settings::seed(seed));
        let repeat = format!("cargo xtask sim --first-seed {seed} --seeds 1 --trace");
        assert_eq!(run.violation, None, "seed {seed}; repeat with: {repeat}");
        figures.merge(&run.figures);
    }
    println!("{figures}");
    assert!(figures.is_telling(), "{figures}");
    assert!(figures.acknowledged > 0 && figures.elections > SEEDS && figures.full_syncs > 0 && figures.compared > 0);
}

#[test]
fn the_memory_does_what_the_model_does_in_whole_clusters() {
    let mut figures = Figures::default();
    for seed in 0..MEMORY_SEEDS {
        let run = run(&Settings { memory: true, ..Settings::seed(seed) });
        let repeat = format!("cargo xtask sim --first-seed {seed} --seeds 1 --memory --trace");
        assert_eq!(run.violation, None, "seed {seed}; repeat with: {repeat}");
        figures.merge(&run.figures);
    }
    println!("{figures}");
    assert!(figures.acknowledged > 0 && figures.full_syncs > 0 && figures.compared > 0);
}

#[test]
fn one_seed_is_one_run() {
    for seed in [1, 2, 3] {
        let settings = Settings { trace: true, ..Settings::seed(seed) };
        let (first, second) = (run(&settings), run(&settings));
        assert_eq!(first.fingerprint, second.fingerprint);
        assert_eq!(first.trace, second.trace);
        assert_eq!(first.figures, second.figures);
    }
}
