// SPDX-License-Identifier: BSD-2-Clause
/* An ES module of a strict project, with both ways to import. */
import all, { Template, run, type Result } from 'spawn_template';
import { stats } from 'spawn_template/register';

const result: Result<string> = await run(['true']);
const other: Result<Buffer> = await all.run(['true'], { encoding: 'buffer' });
using template = new Template('true');
console.log(result.ok, other.stdout.length, template.path, stats().fallback);
