//! What must not compile, with what the compiler says then.

#[test]
fn what_a_cache_does_not_serve_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile_fail/cache_on_strings.rs");
    cases.compile_fail("tests/compile_fail/hash_cache_on_strings.rs");
    cases.compile_fail("tests/compile_fail/string_cache_hget.rs");
}
