#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The loader's rooms, from the bottom to the top: a file includes only its own room and those below. The last
# three are programs, and include nothing of each other.
bats_require_minimum_version 1.5.0

rooms=(base net text manifest options kernel ipam services derive blocks apply pod host check node connect)
programs=(cni cmd kube)

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
}

@test "every source file of the loader is in a known room" {
	run ! compgen -G 'loader/*.[ch]'
	for room in loader/*/; do
		[[ " ${rooms[*]} ${programs[*]} " == *" $(basename "$room") "* ]] || { echo "$room: not in the list of rooms"; false; }
	done
}

@test "includes only go down the rooms" {
	below=() wrong=0
	for room in "${rooms[@]}" "${programs[@]}"; do
		while IFS=: read -r file _ include; do
			include=${include#*loader/}
			[[ " ${below[*]} $room " == *" ${include%%/*} "* ]] || { echo "$file includes loader/${include%\"}"; wrong=1; }
		done < <(grep -n '^#include "loader/' "loader/$room"/*.[ch] | sed 's/: *#/:#/')
		[[ " ${programs[*]} " == *" $room "* ]] || below+=("$room")
	done
	[ "$wrong" = 0 ]
}

@test "bpf/ and maps/ include nothing of the loader" {
	run ! grep -n '#include "loader/' bpf/*.[ch] maps/*.h
}

@test "nothing below the programs prints, but --verbose" {
	local files=() file
	for file in loader/*/*.c; do
		[[ $file == loader/@(cmd|cni|kube)/* || $file == loader/base/trace.c ]] || files+=("$file")
	done
	[ "${#files[@]}" -gt 50 ]
	run -1 grep -nE '(^|[^a-z_])(printf|vprintf|puts|putchar|perror)\(|std(out|err)[,)]' "${files[@]}"
}
