//! Numbers and their texts, as the C library on x86-64 reads and writes them.

use super::*;
use crate::error::Error;

#[test]
fn integers() {
    let right: &[(&[u8], i64)] =
        &[(b"0", 0), (b"7", 7), (b"-12", -12), (b"9223372036854775807", i64::MAX), (b"-9223372036854775808", i64::MIN)];
    for (text, number) in right {
        assert_eq!(parse_i64(text), Some(*number), "{}", text.escape_ascii());
    }
    let wrong: &[&[u8]] = &[
        b"",
        b"-",
        b"-0",
        b"+1",
        b"01",
        b"-01",
        b" 1",
        b"1 ",
        b"1.0",
        b"0x1",
        b"1\0",
        b"\xff",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"111111111111111111111111",
    ];
    for text in wrong {
        assert_eq!(parse_i64(text), None, "{}", text.escape_ascii());
    }
}

#[test]
fn floats_are_read_as_c_reads_them() {
    let right: &[(&str, f64)] = &[
        ("0", 0.0),
        ("-0", -0.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("+1e-2", 0.01),
        ("0e99999999999", 0.0),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("1.7976931348623157e308", f64::MAX),
        ("5e-324", 5e-324),
        ("inf", f64::INFINITY),
        ("+INF", f64::INFINITY),
        ("-infinity", f64::NEG_INFINITY),
        ("0x10", 16.0),
        ("-0X1.8p1", -3.0),
        ("0x.8", 0.5),
        ("0x1p-1074", 5e-324),
        ("0x1.8p-1075", 5e-324),
        ("0x0p99999999999", 0.0),
        // The digits beyond the precision decide the rounding.
        ("0x1.00000000000008p0", 1.0),
        ("0x1.000000000000080000000000001p0", 1.0 + f64::EPSILON),
    ];
    for (text, number) in right {
        assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), Some(number.to_bits()), "{text}");
    }
    let long = [format!("0x{}1", "0".repeat(40_000)), format!("0x1{}p-160000", "0".repeat(40_000))];
    for text in long {
        assert_eq!(parse_f64(text.as_bytes()), Some(1.0), "40,000 digits");
    }
}

#[test]
fn what_is_no_float() {
    let wrong = [
        "",
        "-",
        ".",
        "e5",
        "1e",
        "1e+",
        " 1",
        "1 ",
        "1_0",
        "--1",
        "1.2.3",
        "1f",
        "infinit",
        "nan",
        "-NaN",
        "nan(1)",
        "0x",
        "0x.",
        "0x1p",
        "0x1p+",
        "0x1g",
        "0x1.2.3",
        "1\0",
        // Out of range: too large, or vanishing to zero.
        "1e309",
        "-1e309",
        "2e-324",
        "0x1p1024",
        "0x1p-1075",
        "0x1p99999999999999999999",
        "1e-99999999999",
    ];
    for text in wrong {
        assert_eq!(parse_f64(text.as_bytes()), None, "{text}");
    }
    assert_eq!(parse_f64(b"\xff"), None);
}

#[test]
fn floats_are_written_with_17_digits() {
    let texts: &[(f64, &str)] = &[
        (0.0, "0"),
        (-0.0, "-0"),
        (3.0, "3"),
        (-17.5, "-17.5"),
        (0.1, "0.10000000000000001"),
        (0.0001, "0.0001"),
        (0.00001, "1.0000000000000001e-05"),
        (1e16, "10000000000000000"),
        (1e17, "1e+17"),
        (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
        (9_999_999_999_999_999.0, "10000000000000000"),
        (f64::MAX, "1.7976931348623157e+308"),
        (5e-324, "4.9406564584124654e-324"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
    ];
    for (number, text) in texts {
        assert_eq!(format_f64(*number), *text);
        assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), Some(number.to_bits()), "{text}");
    }
}

#[test]
fn long_doubles_are_written_with_17_decimals() {
    let texts: &[(&str, &str)] = &[
        ("0", "0"),
        ("-0", "0"),
        ("0.1", "0.1"),
        ("-3.00", "-3"),
        ("1e-17", "0.00000000000000001"),
        ("-4e-18", "0"),
        ("6e-18", "0.00000000000000001"),
        // Ties go to the even digit.
        ("0x1p-18", "0.00000381469726562"),
        ("0x3p-18", "0.00001144409179688"),
        ("123456789012345678", "123456789012345678"),
        ("18446744073709551615.5", "18446744073709551616"),
        ("18446744073709551617", "18446744073709551616"),
        ("1e22", "10000000000000000000000"),
        ("0x1p64", "18446744073709551616"),
        ("0x1.8p200", "2410407066388485413312943138511743903783304490674189252952064"),
        ("inf", "inf"),
        ("-infinity", "-inf"),
        ("3.6e-4951", "0"),
    ];
    for (text, written) in texts {
        let number = LongDouble::parse(text.as_bytes());
        assert_eq!(number.map(|it| it.to_string()).as_deref(), Some(*written), "{text}");
    }
    let huge = LongDouble::parse(b"1e4932").expect("a long double").to_string();
    assert_eq!(huge.len(), 4933);
    assert!(huge.starts_with("10000000000000000000060189493879638913238377742545"), "{huge}");
    assert!(huge.bytes().all(|byte| byte.is_ascii_digit()));
}

#[test]
fn what_is_no_long_double() {
    let long = format!("0.{}", "1".repeat(5118));
    let wrong = ["", "1e", " 1", "abc", "nan", "0x", "1e4933", "1e-4960", "0x1p16384", "0x1p-16446", &long];
    for text in wrong {
        assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text}");
    }
    assert!(LongDouble::parse(&long.as_bytes()[1..]).is_some());
}

#[test]
fn sums_of_long_doubles() {
    let sum =
        |a: &str, b: &str| incr_by_float(a.as_bytes(), b.as_bytes()).map(|it| String::from_utf8(it).expect("digits"));
    assert_eq!(sum("0.1", "0.2"), Ok("0.3".to_owned()));
    assert_eq!(sum("3.0e3", "-3000"), Ok("0".to_owned()));
    assert_eq!(sum("1e19", "1"), Ok("10000000000000000001".to_owned()));
    assert_eq!(sum("abc", "1"), Err(Error::not_a_float()));
    assert_eq!(sum("1", "abc"), Err(Error::not_a_float()));
    let infinite = Err(Error::invalid("ERR increment would produce NaN or Infinity"));
    assert_eq!(sum("inf", "-inf"), infinite);
    assert_eq!(sum("1e4932", "1e4932"), infinite);
}
