# language: zh-CN
@接口-LIS-POCT
功能: 床旁设备以 POCT1-A2 接入 LIS
  负责人: 检验接口组
  设备问候、报状态，LIS 发指令，设备逐份上传；入库之后 LIS 才确认。

  @REQ-LAB-066 @冒烟 @id-lab-poct-plain
  场景: 患者结果入患者库，质控结果入质控库
    假如 LIS已为检验设备“poct-glucose”设置驱动
    而且 患者“甲”的标本“管1”已申请检验设备“poct-glucose”的项目
    当 检验设备“poct-glucose”上传标本“管1”的结果
    而且 检验设备“poct-glucose”上传质控品“批号1”的结果
    那么 5秒内LIS中标本“管1”的结果应与检验设备“poct-glucose”所测一致
    而且 5秒内LIS的质控结果中应有检验设备“poct-glucose”的质控品“批号1”
    而且 1秒内LIS中检验设备“poct-glucose”的质控品“批号1”不应成为患者结果，而标本“管1”的结果可见

  @REQ-LAB-066 @id-lab-poct-trouble @slow
  场景大纲: 一份观测报文出错，结果不丢、不重
    假如 LIS已为检验设备“poct-glucose”设置驱动
    而且 患者“甲”的标本“管1”已申请检验设备“poct-glucose”的项目
    而且 检验设备“poct-glucose”上传标本“管1”时，含“条码”的帧首次发送“<故障>”
    当 检验设备“poct-glucose”上传标本“管1”的结果
    那么 60秒内LIS中标本“管1”的结果应与检验设备“poct-glucose”所测一致

    例子:
      | 故障       |
      | 应答丢失   |
      | 中途断线   |
      | 逐字节到达 |

  @REQ-LAB-066 @id-lab-poct-power-cut-before
  场景: 入库之前断电，未确认的结果由设备重发
    假如 LIS已为检验设备“poct-glucose”设置驱动
    而且 患者“甲”的标本“管1”已申请检验设备“poct-glucose”的项目
    而且 “LIS”将在下一次入库“之前”断电，随后重新启动
    当 检验设备“poct-glucose”上传标本“管1”的结果
    那么 60秒内LIS中标本“管1”的结果应与检验设备“poct-glucose”所测一致
