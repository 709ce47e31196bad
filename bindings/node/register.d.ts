// SPDX-License-Identifier: BSD-2-Clause
/** Makes child_process launch through templates; importing the file has done that. */
export function install(): void;
export function uninstall(): void;
/** Launches through templates, and those of the original function by their reasons. */
export function stats(): { cold: number; fallback: Record<string, number> };
