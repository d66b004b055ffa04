# SPDX-License-Identifier: GPL-2.0-only
# bash completion of pinpool: commands, their options, kinds, and the names that the node has now.
# Installed as /usr/share/bash-completion/completions/pinpool.

# names of a kind, from the root of the command line; nothing without permission
_pinpool_names() {
	"${COMP_WORDS[0]}" "${_pinpool_global[@]}" get "$1" -o json 2>/dev/null |
		jq -r '.items[] | .metadata.name // .owner // .cidr' 2>/dev/null
}

_pinpool_netns() {
	ip netns list 2>/dev/null | cut -d ' ' -f 1
}

_pinpool_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_pinpool_files() {
	compopt -o filenames
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

# the value of option $1 of command $2; false if that is not an option with a value
_pinpool_value() {
	case $1 in
	--root | --state) _pinpool_files ;;
	--netns) _pinpool_words "$(_pinpool_netns)" ;;
	-f) _pinpool_files ;;
	-o) case $2 in
		status) _pinpool_words json ;;
		*) _pinpool_words "wide json yaml" ;;
		esac ;;
	--pool) _pinpool_words "$(_pinpool_names pools)" ;;
	--owner) [ "$2" = attach ] || [ "$2" = alloc ] || _pinpool_words "$(_pinpool_names pods)" ;;
	--annotation)
		compopt -o nospace
		_pinpool_words "ipam.cilium.io/ip-pool= ipam.cilium.io/ipv4-pool= ipam.cilium.io/ipv6-pool=
			ipam.cilium.io/require-pool-match=" ;;
	--set)
		compopt -o nospace
		_pinpool_words "$("${COMP_WORDS[0]}" "${_pinpool_global[@]}" config view 2>/dev/null | sed 's/ .*/=/')" ;;
	--node | --pod | --ifname | --label | --ip | --world) ;;
	*) return 1 ;;
	esac
}

_pinpool() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' words=() i
	local _pinpool_global=()
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--root | --netns | --state)
			[ -n "$command" ] || _pinpool_global+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
			i=$((i + 1)) ;;
		-*) ;;
		*) if [ -z "$command" ]; then command=${COMP_WORDS[i]}; else words+=("${COMP_WORDS[i]}"); fi ;;
		esac
	done
	! _pinpool_value "$prev" "$command" || return 0

	case $command in
	'') _pinpool_words "--root --netns -v --help --version up down apply diff delete get describe attach detach
		alloc release status config monitor metrics check gc connectivity version help" ;;
	up) _pinpool_words "-f --node --set --require-uplink" ;;
	down) _pinpool_words --all ;;
	gc) _pinpool_words "--all --tcx-after" ;;
	apply) _pinpool_words "-f --prune" ;;
	diff) _pinpool_words -f ;;
	delete)
		case ${words[0]-} in
		'') _pinpool_words "pool node nodeconfig configmap namespace service endpointslice" ;;
		pool) _pinpool_words "$(_pinpool_names pools)" ;;
		node) _pinpool_words "$(_pinpool_names nodes)" ;;
		esac ;;
	get)
		case $cur,${words[0]-} in
		-*) _pinpool_words -o ;;
		*,) _pinpool_words "pools ciliumpodippools cpip nodes ciliumnodes cn blocks pods routes flows services svc backends endpointslices configmaps nodeconfigs namespaces" ;;
		*) _pinpool_words "$(_pinpool_names "${words[0]}")" ;;
		esac ;;
	describe)
		case ${words[0]-} in
		'') _pinpool_words "node pool service" ;;
		pool) _pinpool_words "$(_pinpool_names pools)" ;;
		esac ;;
	attach) _pinpool_words "--pod --owner --ifname --annotation --label --ip $(_pinpool_netns)" ;;
	detach) _pinpool_words "--owner $(_pinpool_netns)" ;;
	alloc) _pinpool_words "--pool --owner --ip" ;;
	release) _pinpool_words --owner ;;
	status) _pinpool_words "--wait -o" ;;
	config) _pinpool_words view ;;
	monitor) _pinpool_words --drops ;;
	check) _pinpool_words --fix ;;
	connectivity) _pinpool_words "test --world" ;;
	esac
}

complete -F _pinpool pinpool
