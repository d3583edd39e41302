"""Feature files for tests of the engine: one scenario for each thing that can become of one."""

HEAD = """# language: zh-CN
@接口-HIS-ORD
功能: {name}
  负责人: 测试组
"""

PASSES = """
  @REQ-FEED-006 @id-small-pass @冒烟
  场景: 应答一致
    当 测试端以HIS身份向LIS发送“登记”
    那么 5秒内“LIS”对该报文的应答应为“AA”，控制号与来文一致
"""

ROWS = """
  @REQ-FEED-008 @id-small-rows
  场景大纲: 应答代码
    当 测试端以HIS身份向LIS发送“<报文>”
    那么 5秒内“LIS”对该报文的应答应为“<代码>”，控制号与来文一致

    例子:
      | 报文             | 代码 |
      | 不支持的事件     | AR   |
      | 没有患者号的登记 | AE   |
"""

FAILS = """
  @REQ-FEED-006 @id-small-fail
  场景: 应答不一致
    当 测试端以HIS身份向LIS发送“登记”
    那么 5秒内“LIS”对该报文的应答应为“AR”，控制号与来文一致
"""

UPLOAD = """
    当 分析仪“血球仪”上传标本“管1”的结果:
      | 项目 | 结果 |
      | WBC  | 随机 |
    那么 60秒内LIS中标本“管1”的结果应为:
      | 项目 | 患者 |
      | WBC  | 甲   |
"""

PREPARED = """    假如 患者“甲”的标本“管1”已有检验申请:
      | 项目 |
      | WBC  |
"""

NEVER_FIRES = (
    """
  @REQ-LAB-010 @id-small-never
  场景: 没有触发的故障
"""
    + PREPARED
    + "    而且 分析仪上传标本“管1”时，记录“R.9”的帧首次发送“校验和错误”"
    + UPLOAD
)

STEP_RAISES = (
    """
  @REQ-LAB-010 @id-small-error
  场景: 步骤出错
"""
    + PREPARED
    + "    而且 分析仪上传标本“管1”时，记录“R.1”的帧首次发送“没有这种故障”"
    + UPLOAD
)

JUDGES_NOTHING = """
  @REQ-FEED-006 @id-small-nothing
  场景: 什么也不判断
    当 测试端以HIS身份向LIS发送“登记”
"""


def feature(*scenarios: str, name: str = "小样") -> str:
    """A whole file."""
    return HEAD.format(name=name) + "".join(scenarios)


def line_of(text: str, part: str) -> int:
    """Line of the first line that holds ``part``, counted from 1."""
    return next(number for number, line in enumerate(text.split("\n"), 1) if part in line)
