# SPDX-License-Identifier: GPL-2.0-only
# The pinned maps are the interface of every version of pinpool that shares an ABI number.

@test "maps: no key, value, type or size changes without an ABI bump" {
	"$BATS_TEST_DIRNAME/../lib/abi-update" --print >"$BATS_TEST_TMPDIR/now"
	diff -u "$BATS_TEST_DIRNAME/../lib/abi.golden" "$BATS_TEST_TMPDIR/now" || {
		echo "The shape of the maps has changed, so a running node cannot be upgraded in place."
		echo "If that is meant: raise PP_ABI in maps/abi.h (it names the pin directory), run"
		echo "tests/lib/abi-update, and commit both together, with a line marked >> in CHANGES."
		false
	}
}
