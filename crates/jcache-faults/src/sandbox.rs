//! A world of its own for one run: namespaces of network, processes and mounts, made by `unshare`.
//!
//! Who wants to run inside starts itself again in there. Everything that was started or made inside ends with it,
//! whatever happens to it, and runs side by side do not see each other. Root is not needed where the kernel lets users
//! make namespaces.

use std::ffi::OsStr;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};

use jcache_testkit::process::find_program;

/// Set inside.
const INSIDE: &str = "JCACHE_FAULTS_INSIDE";

/// The address of the harness, and so of the clients, on the bridge that all hosts hang on.
pub(crate) const OWN_ADDRESS: &str = "10.0.0.254";

/// Makes the place for names of network namespaces and the bridge, then becomes the parent of the program.
const PREPARE: &str = r#"
mount -t tmpfs none /run && ip link set lo up && ip link add br0 type bridge &&
ip addr add "$ADDRESS/24" dev br0 && ip link set br0 up && "$0" "$@""#;

/// What is run to see whether a sandbox can be made: all that the run will need of the kernel.
const TRY: &str = r#"ip netns add probe && ip netns exec probe iptables -w -I INPUT -s "$1" -j DROP"#;

/// The programs that a run needs, and Debian's packages that have them.
const NEEDED: [(&str, &str); 4] =
    [("unshare", "util-linux"), ("ip", "iproute2"), ("iptables", "iptables"), ("etcd", "etcd-server")];

/// Why there can be no run on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unable(String);

impl std::fmt::Display for Unable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unable {}

/// Whether this process is inside.
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Ends this process, which is inside, when the one outside that started it is gone.
pub fn end_with_parent() {
    std::thread::spawn(|| {
        let mut rest = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut rest);
        std::process::exit(1);
    });
}

/// Runs this program again, inside, with these arguments.
///
/// # Errors
/// [`Unable`] when a program is missing, or the kernel does not let this user make namespaces.
pub fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Result<ExitStatus, Unable> {
    let mut child = again()?.args(args).spawn().map_err(unable)?;
    // The pipe closes when this process ends, however that comes.
    let pipe = child.stdin.take();
    let status = child.wait().map_err(unable);
    drop(pipe);
    status
}

/// One sandbox at a time: they would slow each other down.
static ONE: Mutex<()> = Mutex::new(());

/// Runs the body of the test called `name` inside, by running the program of the tests again for it alone. Where that
/// cannot be done the test is skipped, and says so.
///
/// # Panics
/// When the test fails inside, or is to be skipped and the environment says `JCACHE_REQUIRE_SERVERS=1`.
pub fn test(name: &str, body: impl FnOnce()) {
    if is_inside() {
        end_with_parent();
        return body();
    }
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = match again() {
        Ok(command) => command,
        Err(unable) => {
            let required = std::env::var("JCACHE_REQUIRE_SERVERS").as_deref() == Ok("1");
            assert!(!required, "{unable}; but JCACHE_REQUIRE_SERVERS=1");
            eprintln!("skipped: {unable}");
            return;
        }
    };
    command.args([name, "--exact", "--nocapture"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("unshare has just run");
    let pipe = child.stdin.take();
    let output = child.wait_with_output().expect("a child can be waited for");
    drop(pipe);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    eprintln!("{out}{err}");
    assert!(output.status.success() && out.contains("1 passed"), "{name} failed inside of its sandbox");
}

/// This program, to be run inside.
fn again() -> Result<Command, Unable> {
    for (name, package) in NEEDED {
        let missing = |_| Unable(format!("{name} is not installed; `cargo xtask setup` does it (package {package})"));
        program(name).ok_or(()).map_err(missing)?;
    }
    let tried = unshare().args(["sh", "-c", TRY, "sh", OWN_ADDRESS]).stdin(Stdio::null()).output();
    let tried = tried.map_err(unable)?;
    if !tried.status.success() {
        let said = String::from_utf8_lossy(&tried.stderr).trim().replace('\n', "; ");
        return Err(Unable(format!("no network namespaces can be made here, as root or as a user: {said}")));
    }
    let mut command = unshare();
    command.arg(std::env::current_exe().map_err(unable)?).stdin(Stdio::piped());
    Ok(command)
}

fn unable(error: std::io::Error) -> Unable {
    Unable(format!("unshare: {error}"))
}

fn unshare() -> Command {
    let mut command = Command::new(program("unshare").unwrap_or_else(|| "unshare".into()));
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", PREPARE]);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]));
    command.env("PATH", path.unwrap_or_default()).env(INSIDE, "1").env("ADDRESS", OWN_ADDRESS);
    command
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    ids.split_whitespace().nth(1) == Some("0")
}

/// A program on the path, or where Debian puts those for root.
fn program(name: &'static str) -> Option<PathBuf> {
    let variable = format!("JCACHE_{}", name.to_ascii_uppercase());
    let root = ["/usr/sbin", "/sbin"].map(|dir| PathBuf::from(dir).join(name));
    find_program(name, &variable).ok().or_else(|| root.into_iter().find(|path| path.is_file()))
}
