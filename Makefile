# SPDX-License-Identifier: GPL-2.0-only
# pinpool: make, make install, make deb, make demo, make check, make bench, make image, make kubedemo. V=1 shows the commands.
CC      ?= cc
CLANG   ?= clang
BPFTOOL ?= bpftool
PREFIX  ?= /usr
DESTDIR ?=
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
UDEVDIR ?= $(PREFIX)/lib/udev/rules.d
CNIDIR  ?= /opt/cni/bin
MANDIR  ?= $(PREFIX)/share/man
DOCDIR  ?= $(PREFIX)/share/doc/pinpool
COMPDIR ?= $(PREFIX)/share/bash-completion/completions
BUILD   ?= build
CFLAGS  ?= -O2 -g
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1.0)

export PATH := $(PATH):/usr/sbin:/sbin

LIBS      := libbpf libxdp libnl-3.0 yaml-0.1 jansson
PP_CFLAGS  = -std=gnu11 -Wall -Wextra -Wno-format-truncation $(WERROR) -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -I. -I$(BUILD) $(shell pkg-config --cflags $(LIBS))
PP_LIBS    = $(shell pkg-config --libs $(LIBS))
KUBE_LDLIBS = $(shell pkg-config --libs $(KUBE_LIBS))
# Both programs run as root and parse what others write. A packager's own level of FORTIFY stands; without
# optimization, and before glibc 2.35, the highest level would be a warning.
FORTIFY   := $(if $(findstring _FORTIFY_SOURCE,$(CFLAGS) $(CPPFLAGS))$(filter-out -O1 -O2 -O3 -Os -Og,$(or $(lastword $(filter -O%,$(CFLAGS))),-O0)),,\
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(shell echo '#include <stdio.h>' | $(CC) -E -O2 -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -x c -o /dev/null - 2>/dev/null && echo 3 || echo 2))
HARDEN    := -fstack-protector-strong -fPIE $(FORTIFY)
HARDEN_LD := -pie -Wl,-z,relro,-z,now
# What a program does not call is not in it: the plugin, which starts for each pod, halves.
SECTIONS  := -ffunction-sections -fdata-sections
# Libraries inside the plugin, which starts for each pod, make it start a quarter faster. Debian 13's
# static libelf lacks a part; where nothing links statically it has the shared ones.
CNI_STATIC = $(shell pkg-config --static --libs $(LIBS))
static_but = -Wl,-Bstatic $(filter-out $(1),$(CNI_STATIC)) -Wl,-Bdynamic $(1)
CNI_LIBS   = $(shell for libs in '$(call static_but)' '$(call static_but,-lelf)'; do \
	echo 'int bpf_object__open(void); int main(void) { return bpf_object__open(); }' | \
	$(CC) $(HARDEN) $(HARDEN_LD) -x c - -o /dev/null $$libs 2>/dev/null && echo "$$libs" && exit; done; echo '$(PP_LIBS)')
# The C library's headers, which linux/icmp.h includes, must not take the target for a 32-bit machine.
BPF_CFLAGS = -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter $(WERROR) -I. -idirafter /usr/include/$(shell $(CC) -print-multiarch) \
	-D__$(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))__

OBJECTS := $(patsubst bpf/%.bpf.c,$(BUILD)/%.bpf.o,$(wildcard bpf/*.bpf.c))
SKELS   := $(OBJECTS:.bpf.o=.skel.h)
# Each program has a file with its main; every other file of loader/ is a module. Those of kube/ are for the
# agent and the operator alone, which need two more libraries.
MAINS   := cmd/main cni/cni kube/agent kube/operator
SOURCES := $(filter-out $(MAINS),$(patsubst loader/%.c,%,$(wildcard loader/*/*.c)))
KUBE    := $(filter kube/%,$(SOURCES))
MODULES := $(filter-out $(KUBE),$(SOURCES))
COMMANDS = cmd/%
KUBE_LIBS := libcurl libmicrohttpd
HAVE_KUBE := $(shell pkg-config --exists $(KUBE_LIBS) && echo 1)
KUBE_BINS := $(if $(HAVE_KUBE),$(patsubst loader/kube/%.c,$(BUILD)/pinpool-%,$(wildcard loader/kube/agent.c loader/kube/operator.c)))

Q   = $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $@;)

all: $(BUILD)/pinpool $(BUILD)/pinpool-cni $(KUBE_BINS)
	$(if $(HAVE_KUBE),,@echo '  pinpool-agent and pinpool-operator are left out: libcurl or libmicrohttpd is missing (scripts/deps)')

objects: $(OBJECTS)

$(BUILD):
	$(Q)mkdir -p $@

$(BUILD)/%.bpf.o: bpf/%.bpf.c | $(BUILD)
	$(call say,BPF)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -c $< -o $@.raw && $(BPFTOOL) gen object $@ $@.raw

$(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(call say,SKEL)$(BPFTOOL) gen skeleton $< name $* > $@

$(BUILD)/loader/%.o: loader/%.c Makefile | $(BUILD)
	$(Q)mkdir -p $(@D)
	$(call say,CC)$(CC) $(PP_CFLAGS) $(HARDEN) $(SECTIONS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# the definitions are in it, by .incbin
$(BUILD)/loader/kube/operator_install.o $(BUILD)/san/kube/operator_install.o: $(wildcard scripts/chart/crds/*.yaml)

# the one file that has the programs in it
$(BUILD)/loader/kernel/objects.o $(BUILD)/san/kernel/objects.o: | $(SKELS)

$(BUILD)/pinpool: $(addprefix $(BUILD)/loader/,cmd/main.o $(MODULES:=.o))
	$(call say,LD)$(CC) $(CFLAGS) $(HARDEN_LD) -Wl,--gc-sections $(LDFLAGS) $^ $(PP_LIBS) -o $@

$(BUILD)/pinpool-cni: $(addprefix $(BUILD)/loader/,cni/cni.o $(filter-out $(COMMANDS),$(MODULES:=.o)))
	$(call say,LD)$(CC) $(CFLAGS) $(HARDEN_LD) -Wl,--gc-sections $(LDFLAGS) $^ $(CNI_LIBS) -o $@

$(BUILD)/pinpool-agent $(BUILD)/pinpool-operator: $(BUILD)/pinpool-%: $(addprefix $(BUILD)/loader/,kube/%.o $(KUBE:=.o) $(filter-out $(COMMANDS),$(MODULES:=.o)))
	$(call say,LD)$(CC) $(CFLAGS) $(HARDEN_LD) -Wl,--gc-sections $(LDFLAGS) $^ $(PP_LIBS) $(KUBE_LDLIBS) -o $@

# Tests: the modules once more, under the sanitizers; no main, no commands.
SAN       := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
UNITS     := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit_%,$(filter-out $(if $(HAVE_KUBE),,tests/unit/kube_%),$(wildcard tests/unit/*.c)))
SAN_OBJS  := $(patsubst %,$(BUILD)/san/%.o,$(filter-out $(COMMANDS),$(MODULES)))

$(BUILD)/san/%.o: loader/%.c | $(BUILD)
	$(Q)mkdir -p $(@D)
	$(call say,SAN)$(CC) $(PP_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(SAN) -MMD -MP -c $< -o $@

$(BUILD)/tests/unit_%: tests/unit/%.c $(SAN_OBJS)
	$(Q)mkdir -p $(@D)
	$(call say,TEST)$(CC) $(PP_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(SAN) -MMD -MP $< $(SAN_OBJS) $(PP_LIBS) -o $@

# Plays the agent of a managed node.
$(BUILD)/tests/agent: tests/lib/agent.c $(SAN_OBJS)
	$(Q)mkdir -p $(@D)
	$(call say,TEST)$(CC) $(PP_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(SAN) -MMD -MP $< $(SAN_OBJS) $(PP_LIBS) -o $@

# An archive: a test may bring functions of its own in place of a module's.
$(BUILD)/san/kube.a: $(KUBE:%=$(BUILD)/san/%.o)
	$(call say,AR)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/tests/unit_kube_%: tests/unit/kube_%.c $(BUILD)/san/kube.a $(SAN_OBJS)
	$(Q)mkdir -p $(@D)
	$(call say,TEST)$(CC) $(PP_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(SAN) -MMD -MP $< $(BUILD)/san/kube.a $(SAN_OBJS) $(PP_LIBS) $(KUBE_LDLIBS) -o $@

# The whole program under the sanitizers, for tests of its input.
$(BUILD)/san/pinpool: $(addprefix $(BUILD)/san/,cmd/main.o $(MODULES:=.o))
	$(call say,LD)$(CC) $(CFLAGS) $(SAN) $^ $(PP_LIBS) -o $@

# make fuzz T=manifest S=60: runs one fuzzer for some seconds on its corpus
$(BUILD)/fuzz/%: tests/fuzz/%.c $(patsubst %,loader/%.c,$(filter-out $(COMMANDS),$(MODULES))) | $(SKELS)
	$(Q)mkdir -p $(@D)
	$(call say,FUZZ)$(CLANG) $(PP_CFLAGS) -g -O1 -fsanitize=fuzzer,address,undefined $^ $(PP_LIBS) -o $@

$(BUILD)/fuzz/kube_watch: $(patsubst %,loader/kube/%.c,backoff lines names watch)
$(BUILD)/fuzz/kube_config: loader/kube/kubeconfig.c
$(BUILD)/fuzz/kube_%: tests/fuzz/kube_%.c $(wildcard loader/base/*.c loader/text/*.c)
	$(Q)mkdir -p $(@D)
	$(call say,FUZZ)$(CLANG) $(PP_CFLAGS) -g -O1 -fsanitize=fuzzer,address,undefined $^ $(PP_LIBS) -o $@

fuzz: $(BUILD)/fuzz/$(T)
	$(Q)mkdir -p $(BUILD)/corpus/$(T) && $< -max_total_time=$(or $(S),60) $(BUILD)/corpus/$(T) tests/fuzz/corpus/$(T)

tests: all $(UNITS) $(BUILD)/tests/agent $(BUILD)/san/pinpool

check:
	$(Q)scripts/deps --cni --deb
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) tests
	$(Q)tests/run $(TESTS)

demo:
	$(Q)scripts/deps
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) all
	$(Q)scripts/demo

bench:
	$(Q)scripts/deps --bench
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) all
	$(Q)scripts/bench/run

vmcheck:
	$(Q)scripts/deps --vm --clang
	$(Q)$(MAKE) --no-print-directory tests
	$(Q)scripts/vmcheck

# The image of agent, operator and plugin. The plugin runs on the node, whose C library may be another: it needs none.
IMAGE ?= localhost/pinpool:latest
$(BUILD)/static/pinpool-cni: $(addprefix $(BUILD)/loader/,cni/cni.o $(filter-out $(COMMANDS),$(MODULES:=.o)))
	$(Q)mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) -static-pie -Wl,--gc-sections -Wl,--no-warnings -Wl,-z,relro,-z,now $(LDFLAGS) $^ $(CNI_STATIC) -o $@

image: all $(BUILD)/static/pinpool-cni
	$(Q)BUILD='$(BUILD)' VERSION='$(VERSION)' scripts/kube/image $(BUILD)/pinpool-image.tar '$(IMAGE)'

kubedemo:
	$(Q)scripts/deps --kube
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) image
	$(Q)scripts/kube/build kubernetes etcd containerd helm && scripts/kube/images && scripts/kube/demo

kubecheck:
	$(Q)scripts/deps --kube
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) image
	$(Q)scripts/kube/check $(TESTS)

conformance:
	$(Q)scripts/deps --kube
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) image
	$(Q)scripts/kube/build kubernetes etcd containerd helm coredns agnhost e2e && scripts/kube/images && scripts/kube/conformance

# scripts/install knows the files; these are the folders
DIRS = DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' UNITDIR='$(UNITDIR)' UDEVDIR='$(UDEVDIR)' CNIDIR='$(CNIDIR)' \
	MANDIR='$(MANDIR)' DOCDIR='$(DOCDIR)' COMPDIR='$(COMPDIR)' BUILD='$(BUILD)'

install: all
	$(Q)$(DIRS) scripts/install

uninstall:
	$(Q)$(DIRS) scripts/install --remove

deb:
	$(Q)scripts/deps --deb
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) all
	$(Q)BUILD='$(BUILD)' VERSION='$(VERSION)' scripts/deb/build

vmboot: deb
	$(Q)scripts/deps --vm
	$(Q)scripts/vmboot $(BUILD)/pinpool_*.deb

clean:
	$(Q)rm -rf $(BUILD)

.PHONY: all objects tests check demo bench vmcheck vmboot fuzz image kubedemo kubecheck conformance install uninstall deb clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(wildcard $(BUILD)/*.d $(BUILD)/*/*.d $(BUILD)/*/*/*.d)
