//! Tests of the in-process memory as the engine's store: against the model, under a bound, with readers around it.

mod bound;
mod changes;
mod common;
mod model;
mod placement;
mod reads;
