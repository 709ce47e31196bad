// SPDX-License-Identifier: BSD-2-Clause
import register from './register.cjs';

export const { install, uninstall, stats } = register;
