#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The manual says what is there, all of it; scripts are as shellcheck wants them.
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
}

commands() {
	build/pinpool --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p'
}
maps() {
	sed -n -e 's/^} \(pp_[a-z_]*\) SEC("\.maps").*/\1/p' -e 's/^#define [A-Z]*_MAP "\(pp_[a-z_]*\)"/\1/p' maps/*.h bpf/*.c bpf/*.h | sort -u
}
options() {
	sed -n '/^const struct option options_table/,/^};/p' loader/options/table.c | grep -o '"[a-z0-9]*\(-[a-z0-9]*\)*", .fallback\|BOOL("[a-z0-9-]*' |
		grep -o '[a-z][a-z0-9-]*[a-z0-9]' | grep -vx fallback
}

# every line of standard input as a word of FILE; names those that are not
all_in() {
	local word missing=0 count=0
	while read -r word; do
		count=$((count + 1))
		grep -qE -- "(^|[^a-z0-9_-])$word([^a-z0-9_-]|\$)" "$1" || { echo "$1: lacks $word"; missing=1; }
	done
	[ "$missing" = 0 ] && [ $count -gt 10 ]
}

@test "mandoc finds nothing in the man pages" {
	for page in loader/*.[78] maps/*.5; do
		# whether the pages that it names are installed here is not the question
		run ! grep -v 'referenced manual not found' <(mandoc -T lint "$page" 2>/dev/null)
	done
}

@test "every command is in pinpool.8, in README and in the completion" {
	commands | all_in loader/pinpool.8
	commands | all_in scripts/pinpool.bash
	commands | all_in README.md
}

@test "every long option of a command is in pinpool.8 and in the completion" {
	for command in $(commands); do
		build/pinpool "$command" --help | head -n 1 | grep -oE -- '--[a-z]+' | while read -r option; do
			grep -qF -- "\\${option#-}" loader/pinpool.8 || { echo "pinpool.8: $command $option"; exit 1; }
			grep -qF -- "$option" scripts/pinpool.bash || { echo "completion: $command $option"; exit 1; }
		done
	done
}

@test "every feature of the kernel that version lists is in pinpool.8" {
	count=0
	while read -r feature; do
		grep -qF -- "$feature" loader/pinpool.8 || { echo "lacks $feature"; exit 1; }
		count=$((count + 1))
	done < <(build/pinpool version | sed -n 's/^  \([^ ].*[^ ]\)   *\(yes\|no\|[0-9]\).*/\1/p')
	[ $count -ge 7 ]
}

@test "every map is in pinpool-maps.5" {
	maps | all_in maps/pinpool-maps.5
	# and none that is no more
	run ! grep -vxFf <(maps) <(grep -oh '\bpp_[a-z_]*' maps/pinpool-maps.5)
}

@test "every option is in pinpool.8" {
	options | all_in loader/pinpool.8
}

@test "every own code of the CNI plugin is in pinpool-cni.8" {
	sed -n 's/^\tCNI_[A-Z_]* = \(1[0-9][0-9]\|999\),.*/\1/p' loader/cni/cni.h | while read -r code; do
		grep -q "^\.It $code\$" loader/pinpool-cni.8 || { echo "lacks $code"; exit 1; }
	done
}

@test "README has at most 160 lines, and its links lead somewhere" {
	[ "$(wc -l <README.md)" -le 160 ]
	grep -oE '\]\([^)#]+\)' README.md | tr -d '()]' | while read -r file; do
		[ -e "$file" ] || { echo "$file: not there"; exit 1; }
	done
}

@test "no file refers to a document that is not in the repository" {
	documents=$(grep -rIohE '[A-Za-z0-9_-]+\.md\b' Makefile README.md CHANGES bpf loader maps scripts tests | sort -u)
	[[ $documents == *README.md* ]]
	while read -r document; do
		[ -e "$document" ] || { grep -rIn -- "$document" Makefile README.md CHANGES bpf loader maps scripts tests; false; }
	done <<<"$documents"
}

@test "the ABI in the manual is that of the maps" {
	abi=$(sed -n 's/^#define PP_ABI //p' maps/abi.h)
	grep -q "/v$abi/" loader/pinpool.8
	grep -q "/v$abi/" maps/pinpool-maps.5
	grep -q "/v$abi/" README.md
}

@test "shellcheck finds nothing in the scripts" {
	command -v shellcheck >/dev/null || skip "shellcheck is not installed"
	mapfile -t scripts < <(grep -lrE --binary-files=without-match '^#!/bin/(ba)?sh' scripts tests/run .ci)
	run -0 shellcheck -S warning -x "${scripts[@]}"
	run -0 shellcheck -s bash scripts/pinpool.bash
}
