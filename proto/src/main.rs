//! Makes the Rust of the `.proto` files, without `protoc`; what it makes is checked in. `cargo xtask proto` runs it, and
//! with `--check` it only says whether what is checked in is what it would make.

use std::error::Error;
use std::fs;
use std::path::Path;

/// A crate with a `.proto` file, whether it serves the services or only calls them, the messages whose fields of bytes
/// are taken out without a copy, and the codec when it is not tonic's.
const FILES: [(&str, &str, bool, &[&str], Option<&str>); 2] = [
    ("crates/jcache-etcd", "etcd.proto", false, &[".etcdserverpb.KeyValue"], None),
    (
        "crates/jcache-cluster",
        "replication.proto",
        true,
        &[".jcache.replication.v1"],
        Some("crate::transport::codec::Bounded"),
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let check = std::env::args().nth(1).as_deref() == Some("--check");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (package, file, serves, shared, codec) in FILES {
        let kept = root.join(package).join("src/generated");
        let made = if check { root.join("proto/target/made").join(file) } else { kept.clone() };
        fs::create_dir_all(&made)?;
        let described = protox::compile([file], [root.join(package).join("proto")])?;
        let mut settings = tonic_prost_build::configure().build_server(serves).build_transport(false).out_dir(&made);
        for message in shared {
            settings = settings.bytes(message);
        }
        if let Some(codec) = codec {
            settings = settings.codec_path(codec);
        }
        settings.compile_fds(described)?;
        for entry in fs::read_dir(&made)? {
            let entry = entry?;
            if fs::read(entry.path())? != fs::read(kept.join(entry.file_name())).unwrap_or_default() {
                return Err(format!("{package}: src/generated is not what {file} says: run `cargo xtask proto`").into());
            }
        }
    }
    Ok(())
}
