"""The sentences in Chinese that belong to no exercise. A colon follows {what}, which ends in any script."""

HTML_LANG = "zh-CN"
HEADER = '''"""{title}（书中 {section} 节）

{task}

    {formula}

替换每一处 `raise NotImplementedError`，保存后运行：d2l-repro exercise check {name}
没有思路？d2l-repro exercise hint {name}
"""

import d2l_repro  # noqa: F401, I001  （必须最先导入，否则 MXNet 无法与新版 NumPy 一起使用）
from mxnet import autograd, nd  # noqa: F401
import numpy as np  # noqa: F401

'''

# What happens to a learner's file; {where} is LINE, LINE_WITH_CODE or "".
LINE = "在第 {number} 行"
LINE_WITH_CODE = "在第 {number} 行（`{code}`）"
UNFINISHED = "{name} {where}仍会抛出 NotImplementedError。请写出函数体，保存后再检查。"
MISSING = "{file}：没有定义函数 {name}。模板中的函数名不要改，其他名称可以随意取。"
THIS = "提交的代码"  # in place of a file, in a notebook
SYNTAX = "{file}：第 {line} 行有语法错误（{error}），Python 无法读取。请查看这一行和上一行。"
RAISED = "{function} {where}抛出 {error}。请查看这一行，以及传给它的数组的形状。"
IN_PLACE = (
    "{function} {where}原地修改了自动求梯度正在记录的数组，MXNet 不允许这样做。"
    "请写成 `array[:] = ...`，等号右边是完整的新值，或者在 `autograd.pause()` 中修改。"
)
RAISED_LOADING = "{file}：还没有调用任何函数，{where}就抛出了 {error}。请查看这一行。"
EXITS = "程序{where}退出了 Python，例如调用了 exit()。请让函数用 return 返回。"
SLOW = (
    "检查用去的计算时间超过了 {seconds:g} 秒，{where}被终止。"
    "那里是否有不会结束的循环，或者用循环逐个处理元素，而其实一次数组运算就够了？"
)
WAITS = "检查的时间超过了 {seconds:g} 秒，{where}被终止。那里是否在等待什么，例如 sleep() 或 input()？"
MEMORY = (
    "检查占用的内存超过了 {megabytes:g} MB，{where}被终止。"
    "那里是否有不断变大的数组或列表，或者形状远大于预期的数组？"
)
DIED = (
    "在你的文件所调用的代码中，Python 没有返回结果就结束了（{how}）。请检查是否有 os._exit() 或过深的递归。"
)
BY_SIGNAL, WITH_CODE = "信号 {signal}", "退出码 {code}"
REFUSED = "程序{where}{what}，这在检查中是不允许的。请删去这一行，函数只需返回结果。"
STARTS_PROCESS, USES_NETWORK, WRITES = "启动了另一个进程", "访问了网络", "写入了 {path}"
PRINTED = "代码打印了 {lines}，检查时不予理会。开头为：{text}"
ONE_LINE, LINES = "1 行内容", "{count} 行内容"

# What was seen of its functions, which {what} names.
PART = "{call} 的 {part}"
GRADIENT, GRADIENT_WRT = "{call} 的梯度", "{call} 关于 {name} 的梯度"
AFTER_STEP = "第 {number} 次迭代后的 {name}"
NOTHING = "{what}：得到的是 None。函数末尾是不是漏写了 `return`？"
TYPE = "{what}：得到的是 {found}，应为{expected}。"
A = AN = "{type} 类型"
ARRAY, VALUES = "数值数组", " {count} 个值：{names}"
COUNT = "{what}：长度为 {found}，应为 {expected} 个值：{names}。"
NOT_ITERABLE = "{what}：得到的是 {found}，无法迭代。它是否用了 `yield`，或者返回了列表？"
FEWER = "{what}：缺少这一项，函数结束得太早了。"
NO_GRADIENT = (
    "{what}：无法计算，因为 autograd 没有记录下完整的计算过程。"
    "其中是否用了 NumPy 或 asnumpy()，或者对数组做了原地赋值？"
)
SHAPE = "{what}：形状为 {found}，应为 {expected}。"
TRANSPOSED = "它是正确结果的转置。"
ELEMENTS = "元素个数正确，但形状不对。"
NOT_FINITE = "{what}：{index} 处的值为 {value}，正确值为 {right}。"
DIFFERS = "{what}：{index} 处的值为 {value}，正确值为 {right}（共 {total} 个值，其中 {count} 个不同）。"
NUMBER_DIFFERS = "{what}：值为 {value}，正确值为 {right}。"
RATIO = "所有的值都是正确值的 {ratio} 倍。"
OFFSET = "所有的值与正确值之差都是 {offset}。"
UPDATE_RATIO = "这次迭代的改变量是正确改变量的 {ratio} 倍。"
NO_UPDATE = "这次迭代什么也没有改变。数组是否是原地修改的，例如用 [:] 或 -=？所用的量是否先更新过？"
OPPOSITE = "这次迭代的改变量大小正确，但符号相反。"
COMMA = "、"
OTHERS_RIGHT, NONE_RIGHT = "正确的有：{names}。", "{names} 都不正确。"
UPDATE = "这次迭代的改变量为 {value}，正确的改变量为 {right}。"
GIVEN = "此处的输入为 {names}。"
UNKNOWN = "这道练习已知的 {count} 种错误都得不到这样的值。"
GAP, OR = "", "也可能是："  # between sentences

STEP = "第 {number}/{total} 步（{title}）"
PASSED = "{name}：{total} 步全部通过，用时 {seconds:.1f} 秒"
FAILED = "{name}：{step}未通过"

# The commands.
OK, NO, OPEN = "通过  ", "未过  ", "      "  # before the title of a step
EXERCISE, SECTION, TITLE, PROGRESS = "练习", "小节", "标题", "进度"
DONE_OF = "{folder} 中已完成 {done} 道，共 {total} 道"
DONE, SOLUTION_SEEN = "完成", "完成（看过答案）"
STARTED, PASSED_OF = "已开始", "{passed}/{total} 步"
START = "{file}：{title}\n检查时运行：d2l-repro exercise check {file}"
NEXT, ALL_DONE = "下一道：d2l-repro exercise start {name}", "所有练习都已完成。"
WATCHING = "正在监视 {what}：保存文件即检查，按 Ctrl-C 结束"
HINT = "{number}/{total}：{hint}"
LAST_HINT = "提示到此为止，其余的请看答案：d2l-repro exercise solution {name}"
GRADED = "{student}：{head}"
SOURCE, CALLED = "{name}，出自 {module}", "，在那里名为 {name}"
CLASS_TITLE = "练习"
CLASS_CELLS = "每格为检查通过的步数。每个学生的随机种子都不同。"
STUDENT, NUM_DONE = "学生", "完成"

# Wrong input.
UNKNOWN_EXERCISE = (
    "没有名为 {name!r} 的练习；文件要以练习的名称命名，如 softmax.py；"
    "用 `d2l-repro exercise list` 查看全部练习"
)
ALL_STARTED = "{folder} 中所有的练习都已开始；请指定一道，并用 --dir 指定另一个文件夹"
NONE_STARTED = "{folder} 中还没有已开始的练习；请先运行 d2l-repro exercise start"
IS_THERE = "{path}：文件已经存在；请在其中继续，想重新开始就先把它移走"
NO_PROGRESS = "{path}：不是练习的进度文件（{error}）；想重新开始就先把它移走"
BAD_SEED = "{path}：种子 {seed} 不在 0 到 {limit} 之间（不含 {limit}）；请改正"
BAD_SECONDS = "--seconds 应在 0.1 到 3600 之间，而不是 {number:g}"
BAD_MEGABYTES = "--megabytes 应在 16 到 1000000 之间，而不是 {number:g}"
TOO_LARGE = "{file}：超过了 1 MB；练习应是一个简短的 Python 文件"
CANNOT_READ = "{file}：无法读取（{error}）；请先开始这道练习，或者指定它的文件"
NO_TEXT = "{file}：不是 UTF-8 编码的文本；请另存为 UTF-8 编码"
NO_CHECKER = "检查所用的进程无法启动（{how}）；请运行 d2l-repro doctor"
EXIT_CODE = "退出码 {code}"
EMPTY_CLASS = "{folder}：没有找到练习；每个学生应有一个文件夹，其中有 softmax.py 这样的文件"
NO_CLASS = "{folder}：无法读取（{error}）；请指定班级的文件夹"
