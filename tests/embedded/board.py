"""The C code of a model on an emulated Cortex-M4: Arm's board MPS2 with image AN386, output by semihosting."""

import subprocess
from pathlib import Path

import numpy as np

TARGET = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft")
_STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2")
_LINKER = """\
MEMORY { FLASH (rx) : ORIGIN = 0x00000000, LENGTH = 4M RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 4M }
ENTRY(start)
SECTIONS
{
    .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) } > FLASH
    .bss : { bss_begin = .; *(.bss*) *(COMMON) . = ALIGN(4); bss_end = .; } > RAM
}
"""
# Semihosting: SYS_WRITE0 (4) writes a text, SYS_EXIT (24) with ADP_Stopped_ApplicationExit ends the emulation.
_MAIN = """\
#include "model.h"
#include "samples.h"

extern uint32_t bss_begin, bss_end;
void start(void);

__attribute__((section(".vectors"), used)) static const void *const vectors[2] = {(void *)0x20400000, (void *)start};

static void told(int operation, const void *value)
{
    register int first __asm__("r0") = operation;
    register const void *second __asm__("r1") = value;
    __asm__ volatile("bkpt 0xab" : "+r"(first) : "r"(second) : "memory");
}

static void written(int32_t value)
{
    char text[13];
    uint32_t rest = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    char *at = text + 12;
    *at = 0;
    *--at = ' ';
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0) {
        *--at = '-';
    }
    told(4, at);
}

void start(void)
{
    for (uint32_t *at = &bss_begin; at < &bss_end; at++) {
        *at = 0;
    }
    for (int i = 0; i < SAMPLES; i++) {
        int32_t logits[MODEL_CLASSES];
        const model_input *sample = samples + i * MODEL_INPUTS;
        model_predict(sample, logits);
        for (int k = 0; k < MODEL_CLASSES; k++) {
            written(logits[k]);
        }
        written(model_classify(sample));
    }
    told(24, (const void *)0x20026);
    for (;;) {
    }
}
"""


def build(folder: Path, samples: np.ndarray) -> Path:
    """`folder/model.c` and what it takes of samples as a program for the board; `model.o` stays beside it."""
    values = ", ".join(map(str, samples.ravel().tolist()))
    given = f"#define SAMPLES {len(samples)}\nstatic const model_input samples[] = {{{values}}};\n"
    (folder / "samples.h").write_text(given)
    (folder / "board.c").write_text(_MAIN)
    (folder / "board.ld").write_text(_LINKER)
    for name, flags in (("model", _STRICT), ("board", ("-std=c99", "-O2", "-fno-builtin"))):
        _run("arm-none-eabi-gcc", *TARGET, *flags, "-c", "-o", str(folder / f"{name}.o"), str(folder / f"{name}.c"))
    program = folder / "program.elf"
    objects = [str(folder / f"{name}.o") for name in ("board", "model")]
    linked = ("--specs=nano.specs", "-nostartfiles", "-T", str(folder / "board.ld"))
    _run("arm-none-eabi-gcc", *TARGET, *linked, "-o", str(program), *objects)
    return program


def run(program: Path, rows: int) -> np.ndarray:
    """What it writes of that many samples, int64 [rows, classes + 1]: logits and class of each."""
    machine = ("qemu-system-arm", "-machine", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "none")
    told = _run(*machine, "-semihosting-config", "enable=on,target=native", "-kernel", str(program))
    return np.array(told.split(), np.int64).reshape(rows, -1)


def sizes(file: Path) -> tuple[int, int]:
    """Bytes of flash and of RAM that an object takes."""
    line = _run("arm-none-eabi-size", str(file)).splitlines()[1]
    text, data, bss = (int(each) for each in line.split()[:3])
    return text + data, data + bss


def _run(*command: str) -> str:
    finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout + finished.stderr
