// SPDX-License-Identifier: BSD-2-Clause
export interface InstallOptions {
    /** false: children get nothing but their stdio. By default they also inherit what is
     * not close-on-exec, as those of child_process do. */
    inheritFds?: boolean;
    /** Has processes prepared for programs that are launched often. Needs inheritFds: false. */
    warm?: 'once' | 'fork';
}

/** Makes child_process launch through templates; importing the file has done that. Called
 * once more, it changes the options. */
export function install(options?: InstallOptions): void;
export function uninstall(): void;
/** Launches through templates: cold, or warm in a prepared process; programs whose file had
 * changed since the launch before; and launches of the original by their reasons. */
export function stats():
    { cold: number; warm: number; stale: number; fallback: Record<string, number> };
