// SPDX-License-Identifier: BSD-2-Clause

mod table;

#[test]
fn run_behaves_as_the_table_says() {
    table::each_case(|command, options| command.run(options));
}
