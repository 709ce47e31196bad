# SPDX-License-Identifier: BSD-2-Clause
#
# The time for which a launch blocks its caller, or the CPU time of the caller if out ends
# with "-cpu.svg" or the like, over the memory that the caller has written to; each way of
# 'make bench-rust' is a line.
#
#	gnuplot -e "data='rust.dat'; out='rust-cpu.svg'; term='svg'" launch.gp

cpu = strstrt(out, '-cpu.') > 0
first = cpu ? 6 : 2

if (term eq 'svg') set terminal svg size 720,420 font 'sans,13' background 'white'
if (term eq 'png') set terminal pngcairo size 900,525 font 'sans,12'
set termoption noenhanced
set output out
set datafile separator '\t'

set border 3 lc rgb '#666666'
set tics nomirror
set grid ytics lc rgb '#dddddd' lw 0.7
set xlabel 'memory of the parent in GiB'
set ylabel (cpu ? 'CPU time of the parent for a launch, milliseconds' : \
	'a launch blocks its caller, milliseconds')
set logscale y
set xrange [-0.3:16.5]
set key outside top center horizontal
set style data linespoints

plot data using 1:(column(first) / 1000) lw 2 pt 7 lc rgb '#d98c3f' title 'std with pre_exec', \
	data using 1:(column(first + 1) / 1000) lw 2 pt 7 lc rgb '#9a9a9a' title 'std', \
	data using 1:(column(first + 2) / 1000) lw 2 pt 7 lc rgb '#5b8db8' title 'Command::new', \
	data using 1:(column(first + 3) / 1000) lw 2 pt 7 lc rgb '#3a8a4a' title 'Template::command'
