#!/usr/bin/env bash
# Runs the playbooks of deploy/ansible against hosts made of network namespaces, each with a name, an address, an sshd and
# folders of its own: they install, sweep, gather and clean up, and what has to fail fails. As root.
#
#     tests/tools/ansible.sh [HOSTS] [PROGRAM]      3 hosts take a minute
#
# Installs openssh-server and iproute2 where they are missing, and a pinned Ansible in a folder of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
hosts=${1:-3}; program=$(realpath "${2:-target/debug/wardround}"); deploy=$PWD/deploy/ansible
core=2.19.14 lint=26.10.1
own=(etc root opt usr/local var/tmp run)

say() { printf 'ansible (%s s): %s\n' "$SECONDS" "$*"; }
die() { say "FAILED: $*" >&2; exit 1; }
skip() { say "skipped: $*"; exit 0; }
[ "$(id -u)" = 0 ] || skip "this needs root"
unshare -m -u -n true 2>/dev/null || skip "this machine makes no namespaces"
[ "$hosts" -ge 2 ] && [ "$hosts" -le 250 ] || die "from 2 up to 250 hosts"
"$program" --version >/dev/null || die "$program doesn't run: build it first"

missing=()
for t in ip:iproute2 /usr/sbin/sshd:openssh-server ssh:openssh-client /usr/bin/python3:python3; do
  command -v "${t%%:*}" >/dev/null || missing+=("${t#*:}")
done
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || skip "${missing[*]} is not installed"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -q && apt-get install -y -q --no-install-recommends "${missing[@]}"; } >/dev/null ||
    skip "${missing[*]} can't be installed"
fi
venv=${TMPDIR:-/tmp}/wardround-ansible-$core-$lint
if [ ! -e "$venv/complete" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "ansible-core==$core" "ansible-lint==$lint" ||
    skip "Ansible can't be installed"
  touch "$venv/complete"
fi

work=$(mktemp -d); started=(); names=()
clean() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for i in $(seq "$hosts"); do
    # Sessions that are still open, too.
    ip netns pids "wr-host$i" 2>/dev/null | xargs -r kill 2>/dev/null || true
    ip link del "wr-veth$i" 2>/dev/null || true
    ip netns del "wr-host$i" 2>/dev/null || true
  done
  ip link del wr-clinic 2>/dev/null || true
  wait
  rm -rf "$work"
}
trap clean EXIT; trap 'exit 130' INT TERM
mkdir "$work/home" "$work/keys"
# Nothing of the account that runs this counts, and a connection that is gone is not waited for.
export HOME=$work/home PATH=$venv/bin:$PATH LC_ALL=C.UTF-8 ANSIBLE_NOCOLOR=1 ANSIBLE_TIMEOUT=5
export ANSIBLE_SSH_ARGS="-F none -o ControlMaster=auto -o ControlPersist=3s -o ServerAliveInterval=3 -o ServerAliveCountMax=2
  -o StrictHostKeyChecking=yes -o UserKnownHostsFile=$work/keys/known -o IdentitiesOnly=yes"

say "lint"
cp -r "$deploy" "$work/lint"
complaints() { (cd "$work/lint" && ansible-lint --offline --profile production -q 2>&1); }
said=$(complaints) && [ -z "$said" ] || die "ansible-lint complains: $said"
sed -i 's/ansible.builtin.copy:/copy:/' "$work/lint/roles/wardround/tasks/main.yml"
if complaints >/dev/null; then die "ansible-lint accepts a task that is wrong"; fi

say "$hosts hosts"
ssh-keygen -q -t ed25519 -N '' -f "$work/keys/admin"
ip link add wr-clinic type bridge || skip "this machine makes no bridges"
ip addr add 198.18.77.254/24 dev wr-clinic
ip link set wr-clinic up
for i in $(seq "$hosts"); do
  name=clinic-$i address=198.18.77.$i root=$work/$name
  for folder in "${own[@]}"; do mkdir -p "$root/$folder"; done
  mkdir "$root/run/sshd" "$root/usr/local/bin"
  cp -a /etc/. "$root/etc"
  # An account without a password can log in with a key, a locked one can't.
  sed -i 's/^root:[^:]*/root:*/' "$root/etc/shadow"
  cp -a "$root/etc" "$root/etc.before"
  echo "of $name" >"$root/opt/notes.txt"
  ssh-keygen -q -t ed25519 -N '' -f "$work/keys/$name"
  echo "$address $(cut -d ' ' -f 1,2 "$work/keys/$name.pub")" >>"$work/keys/known"
  echo "$name ansible_host=$address ansible_user=root ansible_ssh_private_key_file=$work/keys/admin ansible_python_interpreter=/usr/bin/python3" >>"$work/inventory"
  names+=("$name")
  ip netns add "wr-host$i"
  ip link add "wr-veth$i" type veth peer name eth0 netns "wr-host$i"
  ip link set "wr-veth$i" master wr-clinic up
  ip -n "wr-host$i" addr add "$address/24" dev eth0
  ip -n "wr-host$i" link set eth0 up
  # shellcheck disable=SC2016
  ip netns exec "wr-host$i" unshare -m -u sh -c '
    root=$1 name=$2 keys=$3; shift 3
    hostname "$name"
    for folder; do mount --bind "$root/$folder" "/$folder"; done
    exec /usr/sbin/sshd -D -f /dev/null -h "$keys/$name" -o "AuthorizedKeysFile=$keys/admin.pub" -o StrictModes=no \
      -o UsePAM=no -o PidFile=none -o "Subsystem=sftp internal-sftp"' sh "$root" "$name" "$work/keys" "${own[@]}" 2>"$root/sshd.log" &
  started+=($!)
done
printf '%s\n' "${names[@]}" >"$work/expected.txt"
echo "planted content" >"$work/clinic-1/opt/evil.bin"
sha256sum "$work/clinic-1/opt/evil.bin" | cut -d ' ' -f 1 >"$work/breach.txt"
printf '%s\n' 'targets = ["/opt"]' 'cases = "cases"' 'baseline = false' 'default_rules = false' 'ioc = ["intelligence"]' >"$work/policy.toml"
echo 'cpu_procent = 5' | cat "$work/policy.toml" - >"$work/broken.toml"

# Runs a playbook; what it says is shown where it doesn't end as it should.
play() { # EXIT PLAYBOOK [OPTION...]
  local expected=$1 playbook=$2 code=0; shift 2
  (cd "$deploy" && timeout 300 ansible-playbook -i "$work/inventory" "playbooks/$playbook" "$@") >"$work/said" 2>&1 || code=$?
  [ "$code" = "$expected" ] || die "$playbook ended with exit code $code, not $expected: $(cat "$work/said")"
}
sweep() { # EXIT POLICY GATHER
  play "$1" sweep.yml -e "wardround_program=$program" -e "wardround_policy=$2" -e "wardround_gather=$3" \
    -e wardround_poll=1 -e "{\"wardround_intelligence\": [\"$work/breach.txt\"]}"
}
recap() { grep -Ec "^clinic-[0-9]+ .*$1" "$work/said" || true; }
left() { # HOST
  cd "$work/$1"
  find root usr/local run ! -type d; find opt ! -type d ! -name notes.txt ! -name evil.bin; find var/tmp -mindepth 1
  diff -rq --no-dereference etc.before etc || true
}
nothing_left() {
  for name in "${names[@]}"; do
    # What watches a job in Ansible clears away its own files some seconds after the job.
    for _ in $(seq 20); do [ -n "$(left "$name")" ] || continue 2; sleep 1; done
    die "left on $name: $(left "$name")"
  done
}
gathered() { # FOLDER NUMBER
  local cases; mkdir -p "$1"; cases=$(find "$1" -name manifest.json -printf '%h\n')
  [ "$(grep -c . <<<"$cases")" = "$2" ] || die "not $2 cases were gathered, but: $cases"
  for case in $cases; do "$program" verify "$case" >/dev/null || die "$case doesn't verify"; done
}
merged() { # FOLDER: hosts that never reported
  "$program" merge "$1" --expected "$work/expected.txt" --out "$1.fleet" --quiet || [ $? -le 3 ] || die "the cases can't be merged"
  /usr/bin/python3 -c 'import json, sys; f = json.load(open(sys.argv[1])); print(*f["never_reported"])' "$1.fleet/fleet.json"
}

say "sweep"
sweep 0 "$work/policy.toml" "$work/all"
gathered "$work/all" "$hosts"
[ -z "$(merged "$work/all")" ] || die "a host didn't report"
alerts=$(grep -l '"level": *"alert"' "$work"/all/*/*/findings.jsonl)
case $alerts in *"/all/clinic-1/"*) [ "$(wc -l <<<"$alerts")" = 1 ] ;; *) false ;; esac || die "alerts not on clinic-1 alone: $alerts"
nothing_left

say "a policy that is refused"
sweep 2 "$work/broken.toml" "$work/none"
[ "$(recap 'failed=1')" = "$hosts" ] && grep -q 'unknown key .cpu_procent' "$work/said" || die "it isn't said what is wrong: $(cat "$work/said")"
gathered "$work/none" 0
nothing_left

say "a host that can't be reached"
ip -n wr-host2 link set eth0 down
sweep 4 "$work/policy.toml" "$work/some"
[ "$(recap 'unreachable=1')" = 1 ] && grep -Eq '^clinic-2 .*unreachable=1' "$work/said" || die "clinic-2 isn't named: $(cat "$work/said")"
gathered "$work/some" "$((hosts - 1))"
[ "$(merged "$work/some")" = clinic-2 ] || die "clinic-2 isn't reported missing"
ip -n wr-host2 link set eth0 up
nothing_left

say "install, and again"
install() { # EXIT [OPTION...]
  local code=$1; shift
  play "$code" install.yml -e "wardround_nightly_program=$program" -e wardround_nightly_timer=false "$@"
}
install 0
[ "$(recap 'changed=0 ')" = 0 ] || die "nothing was installed"
install 0
[ "$(recap 'changed=0 ')" = "$hosts" ] || die "a second run changes something: $(cat "$work/said")"
install 2 -e "wardround_nightly_policy=$work/broken.toml"
for name in "${names[@]}"; do
  cmp -s "$program" "$work/$name/usr/local/bin/wardround" && cmp -s "$deploy/../policy.toml" "$work/$name/etc/wardround/policy.toml" &&
    cmp -s "$deploy/../linux/wardround-sweep.timer" "$work/$name/etc/systemd/system/wardround-sweep.timer" || die "$name isn't what was installed"
done
say "all as it should be"
