#!/usr/bin/env bash
# Builds the image with buildah on a base made by debootstrap, then runs its entry point in that root: as an
# unprivileged user, on a read-only root, and asks it a question. Needs root, buildah and debootstrap (Debian
# packages) and the network for pip. Prints the image's size.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
store=(--storage-driver vfs --root "$work/store" --runroot "$work/run")
port=${PORT:-8017}
server=
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "${mounted:-}" ] || umount -R "$mounted" 2>/dev/null || true
    buildah "${store[@]}" rm --all >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

echo "== base"
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$work/base" >"$work/log" 2>&1 \
    || { tail -5 "$work/log"; exit 1; }
rm -rf "$work"/base/var/cache/apt/* "$work"/base/var/lib/apt/lists/*
container=$(buildah "${store[@]}" from scratch)
buildah "${store[@]}" copy -q "$container" "$work/base" / >/dev/null
buildah "${store[@]}" commit -q "$container" pincite-base >/dev/null
rm -rf "$work/base"

echo "== image"
trusted=()  # the build trusts what this machine trusts, and nothing of it stays in the image
for file in /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    [ -f "$file" ] && trusted+=(--volume "$file:$file:ro")
done
buildah "${store[@]}" bud -q --isolation chroot --network host "${trusted[@]}" \
    --build-arg BASE=localhost/pincite-base -t pincite . >"$work/log" 2>&1 || { tail -30 "$work/log"; exit 1; }

echo "== run"
container=$(buildah "${store[@]}" from localhost/pincite)
root=$(buildah "${store[@]}" mount "$container")
echo "size of the image: $(du -sm "$root" | cut -f1) MB, of which the base $(du -sm --exclude=opt "$root" | cut -f1) MB"
if ls "$root"/opt/pincite/lib/python3*/site-packages | grep -qx torch; then echo "torch is in the image"; exit 1; fi
mounted="$work/root"
mkdir "$mounted" "$work/data"
chown 10001:10001 "$work/data"
mount --bind -o ro "$root" "$mounted"
mount -o remount,bind,ro "$mounted"
mount --bind "$work/data" "$mounted/data"
mount -t proc proc "$mounted/proc"  # as every container runtime does
cp documents/handbook.md "$work/data/"
inside=(setpriv --reuid 10001 --regid 10001 --clear-groups --bounding-set=-all --no-new-privs
    env -i PATH=/opt/pincite/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PINCITE_CACHE=/opt/pincite/models
    PINCITE_INDEX=/data/index TMPDIR=/data)
chroot "$mounted" "${inside[@]}" pincite ingest /data/handbook.md
chroot "$mounted" "${inside[@]}" pincite serve --port "$port" &
server=$!
for _ in $(seq 100); do
    curl -fs "http://127.0.0.1:$port/readyz" >/dev/null && break
    sleep 0.1
done
curl -fsS "http://127.0.0.1:$port/v1/ask" -H 'content-type: application/json' \
    -d '{"question": "How do I add a document?"}' | tee "$work/answer"
echo
grep -q '"status":"answered"' "$work/answer"
kill -TERM "$server"
wait "$server"
server=
echo "== the image builds, runs unprivileged on a read-only root, answers, and stops when told to"
